/**
 * Writes to a file without short writes.
 * In: pieces. Out: all of their bytes in the file, or the system's error.
 */
import type { FileHandle } from 'node:fs/promises';

/**
 * Writes all pieces in order; continues after short writes.
 *
 * @param position offset in the file
 * @returns bytes written
 */
export async function writeAll(
  file: Pick<FileHandle, 'writev'>,
  pieces: readonly Uint8Array[],
  position: number,
): Promise<number> {
  let left = pieces.filter(({ length }) => length > 0);
  let at = position;
  while (left.length > 0) {
    let { bytesWritten } = await file.writev(left, at);
    at += bytesWritten;
    while (left[0] && bytesWritten >= left[0].length) {
      bytesWritten -= left[0].length;
      left = left.slice(1);
    }
    if (left[0] && bytesWritten > 0) left = [left[0].subarray(bytesWritten), ...left.slice(1)];
  }
  return at - position;
}
