import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dropOldest } from './drop-oldest.ts';

test('the oldest entries of a Map or Set are dropped down to the maximum', () => {
  const map = new Map([1, 2, 3, 4].map((n) => [n, 'x']));
  dropOldest(map, 4);
  assert.equal(map.size, 4);
  dropOldest(map, 2);
  assert.deepEqual([...map.keys()], [3, 4]);
  const set = new Set(['a', 'b']);
  dropOldest(set, 0);
  assert.equal(set.size, 0);
});
