import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_NUMBER, nextPartBytes, PART_BYTES, partBytesFor } from './part-sizes.ts';

const GIB = 2 ** 30;

test('a file of any length has parts of one size, and numbers are left for parts that are sent again', () => {
  assert.equal(partBytesFor(1), PART_BYTES);
  assert.equal(partBytesFor(62 * GIB), PART_BYTES);
  for (const length of [63 * GIB, 500 * GIB, 5 * 1024 * GIB]) {
    const bytes = partBytesFor(length);
    assert.equal(bytes % (1024 * 1024), 0);
    assert.ok(bytes > PART_BYTES && length / bytes <= MAX_NUMBER * 0.8, `${length}`);
    assert.equal(nextPartBytes(bytes, 9_999), bytes);
  }
});

test('without a length, parts grow, and all of them hold hundreds of gigabytes', () => {
  assert.equal(nextPartBytes(partBytesFor(undefined), 0), PART_BYTES);
  let sum = 0;
  for (let number = 0; number < MAX_NUMBER; number++) sum += nextPartBytes(0, number);
  assert.equal(nextPartBytes(0, MAX_NUMBER - 1), PART_BYTES * 16);
  assert.ok(sum > 400 * GIB);
});
