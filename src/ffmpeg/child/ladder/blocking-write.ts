/**
 * Writes to a pipe and waits for it; process.stdout would queue bytes that the pipe does not take.
 * In: bytes. Out: a descriptor. Child processes only.
 */
import { writevSync } from 'node:fs';

/** Most pieces of one write. */
const MAX_PIECES = 512;

/** Writes all pieces in order. */
export function writeBlocking(descriptor: number, pieces: readonly Uint8Array[]): void {
  let left = pieces.filter(({ length }) => length > 0);
  while (left.length > 0) {
    let written = writevSync(descriptor, left.slice(0, MAX_PIECES));
    while (left[0] && written >= left[0].length) {
      written -= left[0].length;
      left = left.slice(1);
    }
    if (written > 0) left = [left[0]!.subarray(written), ...left.slice(1)];
  }
}
