import assert from 'node:assert/strict';
import { test } from 'node:test';
import { many } from './many.ts';

test('a noun is in the plural unless there is one', () => {
  assert.deepEqual(
    [0, 1, 2, 11].map((n) => many(n, 'object store')),
    ['0 object stores', '1 object store', '2 object stores', '11 object stores'],
  );
});
