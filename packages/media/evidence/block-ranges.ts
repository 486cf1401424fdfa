/**
 * Reads a file in large blocks: samples are small, and follow each other.
 * In: a way to read bytes. Out: FileRanges.
 */
import type { FileRanges } from './file-parts.ts';

const BLOCK_BYTES = 4 * 1024 * 1024;

/**
 * Ranges over one block in memory.
 *
 * @param readAt returns `length` bytes from `offset` on, or fewer at the end
 */
export function blockRanges(size: number, readAt: (offset: number, length: number) => Promise<Uint8Array>): FileRanges {
  let block: Uint8Array = new Uint8Array(0);
  let blockAt = 0;
  return {
    size,
    async read(offset, length) {
      if (offset < blockAt || offset + length > blockAt + block.length) {
        block = await readAt(offset, Math.max(0, Math.min(size - offset, Math.max(length, BLOCK_BYTES))));
        blockAt = offset;
      }
      return block.subarray(offset - blockAt, offset - blockAt + length);
    },
  };
}
