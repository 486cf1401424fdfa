/**
 * Writes to a file without short writes.
 * In: pieces. Out: all of their bytes in the file, or the system's error.
 */
import type { OpenFile } from './files.ts';

/**
 * Writes all pieces in order; continues after short writes.
 *
 * @param position offset in the file
 * @returns bytes written
 * @throws the system's error; an error with the code EIO if the system accepts no byte
 */
export async function writeAll(
  file: Pick<OpenFile, 'writev'>,
  pieces: readonly Uint8Array[],
  position: number,
): Promise<number> {
  let left = pieces.filter(({ length }) => length > 0);
  let at = position;
  while (left.length > 0) {
    let { bytesWritten } = await file.writev(left, at);
    if (bytesWritten === 0)
      throw Object.assign(new Error('EIO: nothing was written'), { code: 'EIO', syscall: 'write' });
    at += bytesWritten;
    while (left[0] && bytesWritten >= left[0].length) {
      bytesWritten -= left[0].length;
      left = left.slice(1);
    }
    if (left[0] && bytesWritten > 0) left = [left[0].subarray(bytesWritten), ...left.slice(1)];
  }
  return at - position;
}
