import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RepeatedRequests } from './repeated-requests.ts';

test('a request is a repetition for three seconds after the same one', () => {
  let nowMs = 0;
  const requests = new RepeatedRequests(() => nowMs);
  assert.equal(requests.isRepeated('a'), false);
  assert.equal(requests.isRepeated('b'), false);
  nowMs = 2_999;
  assert.equal(requests.isRepeated('a'), true);
  nowMs = 5_998;
  assert.equal(requests.isRepeated('a'), true, 'each begins the time again');
  assert.equal(requests.isRepeated('b'), false);
});

test('the oldest are forgotten', () => {
  const requests = new RepeatedRequests(() => 0);
  for (let i = 0; i < 5_001; i++) requests.isRepeated(String(i));
  assert.equal(requests.isRepeated('5000'), true);
  assert.equal(requests.isRepeated('0'), false);
});
