/**
 * Asks the system for large pages (2 MiB) below a large block. The first write to each page of 4 KiB costs
 * more than the copy of its bytes, above all in a virtual machine: a segment of 50 Mbps has 3,100 of them.
 * In: new blocks, before they are written. Out: the same blocks. Linux with Node 26 only, where transparent
 * huge pages are `always` or `madvise`, as distributions have them: elsewhere nothing happens.
 * docs/decisions/0144.
 */
import { type CLibrary, openCLibrary } from '@oxbow/wire/c-library';
import { PAGE_BYTES } from './page-memory.ts';

/** A page that is not filled stays empty memory: in smaller blocks that would be much of them. */
export const LEAST_LARGE_BYTES = 4 * 1024 * 1024;
/** `MADV_HUGEPAGE` of Linux. */
const WANT_LARGE_PAGES = 14;

/** Loaded by the first large block of the thread. */
let library: { readonly opened: CLibrary<'madvise'> | undefined } | undefined;

/**
 * Asks once for a block; its content does not change.
 *
 * @returns whether the system took note of it
 */
export function preferLargePages(block: Uint8Array): boolean {
  if (block.length < LEAST_LARGE_BYTES) return false;
  // int madvise(void *addr, size_t length, int advice)
  library ??= { opened: openCLibrary({ madvise: { arguments: ['pointer', 'uint64', 'int32'], return: 'int32' } }) };
  const { opened } = library;
  if (!opened) return false;
  // Whole pages within the block: the system refuses others, and they are shared with other memory.
  const page = BigInt(PAGE_BYTES);
  const address = opened.addressOf(block);
  const from = ((address + page - 1n) / page) * page;
  const to = ((address + BigInt(block.length)) / page) * page;
  if (opened.call.madvise(from, to - from, WANT_LARGE_PAGES) === 0) return true;
  library = { opened: undefined }; // a system without large pages
  return false;
}
