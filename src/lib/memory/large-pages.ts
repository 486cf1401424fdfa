/**
 * Asks the system for large pages (2 MiB) below a large block. The first write to each page of 4 KiB costs
 * more than the copy of its bytes, above all in a virtual machine: a segment of 50 Mbps has 3,100 of them.
 * In: new blocks, before they are written. Out: the same blocks. Linux with Node 26 only, where transparent
 * huge pages are `always` or `madvise`, as distributions have them: elsewhere nothing happens.
 * docs/decisions/0144.
 */
import { MADV_HUGEPAGE, memoryAdvice } from './madvise.ts';
import { PAGE_BYTES } from './page-memory.ts';

/** A page that is not filled stays empty memory: in smaller blocks that would be much of them. */
export const LEAST_LARGE_BYTES = 4 * 1024 * 1024;

/** A system without large pages is not asked again. */
let isRefused = false;

/**
 * Asks once for a block; its content does not change.
 *
 * @returns whether the system took note of it
 */
export function preferLargePages(block: Uint8Array): boolean {
  if (block.length < LEAST_LARGE_BYTES || isRefused) return false;
  const advice = memoryAdvice();
  if (!advice) return false;
  // Whole pages within the block: the system refuses others, and they are shared with other memory.
  const page = BigInt(PAGE_BYTES);
  const address = advice.addressOf(block);
  const from = ((address + page - 1n) / page) * page;
  const to = ((address + BigInt(block.length)) / page) * page;
  isRefused = advice.call.madvise(from, to - from, MADV_HUGEPAGE) !== 0;
  return !isRefused;
}
