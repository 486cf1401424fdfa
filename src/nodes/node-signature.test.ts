import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createManualClock } from '../lib/clock.ts';
import { NodeSignature } from './node-signature.ts';

const request = { method: 'GET', target: '/live/cam/index.m3u8?x=1' };
const clock = createManualClock();
const signature = (node: string, secret = 'a-secret-of-the-cluster-that-is-long') =>
  new NodeSignature({ secret, node, clock });

test('a node knows which node has sent a request', () => {
  assert.equal(signature('b').nodeOf(signature('a').sign(request), request), 'a');
});

test('another request, another secret, another name and no signature are refused', () => {
  const value = signature('a').sign(request);
  const b = signature('b');
  assert.equal(b.nodeOf(value, { ...request, method: 'POST' }), undefined);
  assert.equal(b.nodeOf(value, { ...request, target: '/live/cam/index.m3u8' }), undefined);
  assert.equal(b.nodeOf(value.replace(/^a/, 'c'), request), undefined);
  assert.equal(signature('b', 'another-secret-of-another-cluster').nodeOf(value, request), undefined);
  for (const other of [undefined, '', 'a', [value, value], `${value} `, value.slice(0, -1)]) {
    assert.equal(b.nodeOf(other, request), undefined);
  }
});

test('a signature is valid for a minute', () => {
  const value = signature('a').sign(request);
  clock.advance(59_000);
  assert.equal(signature('b').nodeOf(value, request), 'a');
  clock.advance(2_000);
  assert.equal(signature('b').nodeOf(value, request), undefined);
});
