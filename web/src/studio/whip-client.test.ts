import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pauseBefore } from './whip-client.ts';

test('the pauses between attempts double up to eight seconds', () => {
  assert.deepEqual([0, 1, 2, 3, 4, 5, 50].map(pauseBefore), [500, 1000, 2000, 4000, 8000, 8000, 8000]);
});
