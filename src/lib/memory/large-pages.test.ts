import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { LEAST_LARGE_BYTES, preferLargePages } from './large-pages.ts';
import { memoryAdvice } from './madvise.ts';
import { SlabPool } from './slab-pool.ts';

const MIB = 1024 * 1024;

/** Memory of this process for which large pages were requested, bytes. */
function requestedBytes(): number {
  const mappings = readFileSync('/proc/self/smaps', 'utf8').split(/^(?=[\da-f]+-[\da-f]+ )/m);
  const requested = mappings.filter((mapping) => /^VmFlags:.* hg\b/m.test(mapping));
  return requested.reduce((sum, mapping) => sum + 1024 * Number(/^Size:\s+(\d+)/m.exec(mapping)![1]), 0);
}

const isPossible = memoryAdvice() !== undefined && preferLargePages(new Uint8Array(LEAST_LARGE_BYTES));
const skip = !isPossible && 'this Node cannot call the C library, or the system has no large pages';

test('a new large block is in large pages where the system has them, up to its last page', { skip }, () => {
  const before = requestedBytes();
  const block = new SlabPool().take(15 * MIB);
  const requested = requestedBytes() - before;
  assert.ok(requested > 15 * MIB - 8192 && requested <= 15 * MIB, `${requested} bytes`);
  assert.equal(block.length, 15 * MIB);
});

test('small blocks are as they were', { skip }, () => {
  const before = requestedBytes();
  const block = new SlabPool().take(LEAST_LARGE_BYTES - 1);
  assert.equal(requestedBytes(), before);
  assert.equal(preferLargePages(block), false);
});

test('the content of a block stays', { skip }, () => {
  const block = new Uint8Array(8 * MIB).fill(7);
  assert.ok(preferLargePages(block));
  assert.ok(block.every((byte) => byte === 7));
});
