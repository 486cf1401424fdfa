import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lonelyOf, middlesOf } from './lines.ts';

test('a step between two that were not measured is drawn as a point', () => {
  assert.deepEqual(lonelyOf([25, null, 50, 0, null, 0]), [0, 5]);
  assert.equal(lonelyOf([null, 1, 2, null]), null);
});

test('a value is in the middle of its step', () => {
  assert.deepEqual(middlesOf(100, 10, 3), [105, 115, 125]);
});
