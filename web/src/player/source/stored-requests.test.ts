import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StoredRequests } from './stored-requests.ts';

const url = '/live/cam/av0/7-4711.mp4';

test('a segment that is requested again within seconds comes from the server itself', () => {
  let now = 0;
  const retry = new StoredRequests(() => now);
  assert.equal(retry.urlOf(url), url);
  now += 1_000;
  assert.equal(retry.urlOf(url), `${url}?direct=off`);
  now += 15_000;
  assert.equal(retry.urlOf(url), url, 'the viewer has rewound');
  assert.equal(retry.urlOf(`${url}?CMCD=sid`), `${url}?CMCD=sid&direct=off`);
  for (let i = 0; i < 2; i++) assert.equal(retry.urlOf('/live/cam/av0/7.m4s'), '/live/cam/av0/7.m4s');
});

test('only the newest segments are remembered', () => {
  const retry = new StoredRequests(() => 0);
  retry.urlOf(url);
  for (let i = 0; i < 16; i++) retry.urlOf(`/live/cam/av0/${i}-1.mp4`);
  assert.equal(retry.urlOf(url), url);
});

test('a refusal of the bucket is retried once; of other requests hls.js decides', () => {
  const retry = new StoredRequests(() => 0);
  const refused = { url, code: 403 };
  assert.equal(retry.retries(0, refused, false), true);
  assert.equal(retry.retries(1, refused, false), false);
  assert.equal(retry.retries(0, { url: '/live/cam/av0/7.m4s', code: 404 }, false), false);
  assert.equal(retry.retries(3, { url: '/live/cam/av0/7.m4s', code: 503 }, true), true);
  assert.equal(retry.retries(0, undefined, false), false);
});

test('fields of CMCD move to the query, as players write them there', () => {
  const requests = new StoredRequests(() => 0);
  const headers = { Range: 'bytes=1-2', 'CMCD-Session': 'sid="a1",cid="cam"', 'CMCD-Object': 'ot=av' };
  assert.equal(requests.urlOf(url, headers), `${url}?CMCD=sid%3D%22a1%22%2Ccid%3D%22cam%22%2Cot%3Dav`);
  assert.deepEqual(headers, { Range: 'bytes=1-2' });
  const usual = { 'CMCD-Session': 'sid="a1"' };
  requests.urlOf('/live/cam/av0/7.m4s', usual);
  assert.deepEqual(usual, { 'CMCD-Session': 'sid="a1"' });
});
