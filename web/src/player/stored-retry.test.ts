import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StoredRetry } from './stored-retry.ts';

const url = '/live/cam/av0/7-4711.mp4';

test('a segment that is requested again within seconds comes from the server itself', () => {
  let now = 0;
  const retry = new StoredRetry(() => now);
  assert.equal(retry.urlOf(url), url);
  now += 1_000;
  assert.equal(retry.urlOf(url), `${url}?direct=off`);
  now += 15_000;
  assert.equal(retry.urlOf(url), url, 'the viewer has rewound');
  assert.equal(retry.urlOf(`${url}?CMCD=sid`), `${url}?CMCD=sid&direct=off`);
  for (let i = 0; i < 2; i++) assert.equal(retry.urlOf('/live/cam/av0/7.m4s'), '/live/cam/av0/7.m4s');
});

test('only the newest segments are remembered', () => {
  const retry = new StoredRetry(() => 0);
  retry.urlOf(url);
  for (let i = 0; i < 16; i++) retry.urlOf(`/live/cam/av0/${i}-1.mp4`);
  assert.equal(retry.urlOf(url), url);
});

test('a refusal of the bucket is retried once; of other requests hls.js decides', () => {
  const retry = new StoredRetry(() => 0);
  const refused = { url, code: 403 };
  assert.equal(retry.retries(0, refused, false), true);
  assert.equal(retry.retries(1, refused, false), false);
  assert.equal(retry.retries(0, { url: '/live/cam/av0/7.m4s', code: 404 }, false), false);
  assert.equal(retry.retries(3, { url: '/live/cam/av0/7.m4s', code: 503 }, true), true);
  assert.equal(retry.retries(0, undefined, false), false);
});
