/**
 * Finds a sequence of bytes: by Node's native search if available, otherwise by a loop.
 * In: bytes. Out: offsets. Pure; for browsers and Node.
 */

const native = (globalThis as { readonly Buffer?: typeof Buffer }).Buffer;

/** A view of `bytes[from, to)` for `findBytes`; shares memory with `bytes`. */
export function searchView(bytes: Uint8Array, from: number, to: number): Uint8Array {
  const start = bytes.byteOffset + from;
  return native ? native.from(bytes.buffer, start, to - from) : new Uint8Array(bytes.buffer, start, to - from);
}

/**
 * The first offset of a sequence.
 *
 * @param view result of `searchView`
 * @param sequence at least one byte
 * @param from first offset that may be returned
 * @returns offset in `view`, or -1
 */
export function findBytes(view: Uint8Array, sequence: Uint8Array, from: number): number {
  return native ? (view as Buffer).indexOf(sequence, from) : findByLoop(view, sequence, from);
}

/** Like `findBytes`, on any Uint8Array. */
export function findByLoop(view: Uint8Array, sequence: Uint8Array, from: number): number {
  const end = view.length - sequence.length;
  for (let at = from; at <= end; at++) {
    let same = 0;
    while (same < sequence.length && view[at + same] === sequence[same]) same++;
    if (same === sequence.length) return at;
  }
  return -1;
}
