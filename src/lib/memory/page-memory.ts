/**
 * Memory that begins at a page: files can be written from it past the page cache of the system.
 * In: sizes. Out: buffers; the sum of those that are garbage. V8 has resizable buffers at pages, and does not
 * count them as buffers of a thread: the watch that bounds garbage reads it here.
 */

/** Bytes of a page. No disk needs its writes to begin at more. */
export const PAGE_BYTES = 4096;

let garbageBytes = 0;
const collected = new FinalizationRegistry<{ isGarbage: boolean; readonly bytes: number }>(({ isGarbage, bytes }) => {
  if (isGarbage) garbageBytes -= bytes;
});
const states = new WeakMap<ArrayBufferLike, { isGarbage: boolean; readonly bytes: number }>();

/** Large buffers at pages that are used again and again. */
export const pageMemory = {
  /** Bytes of all that was dropped and is not collected. */
  get garbageBytes(): number {
    return garbageBytes;
  },

  /** A buffer of zeros. Its owner drops it. */
  take(bytes: number): Buffer<ArrayBuffer> {
    const memory = new ArrayBuffer(bytes, { maxByteLength: Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES });
    const state = { isGarbage: false, bytes };
    states.set(memory, state);
    collected.register(memory, state);
    return Buffer.from(memory, 0, bytes);
  },

  /** The buffer is not used again: it is garbage when nothing refers to it. */
  drop({ buffer }: Uint8Array): void {
    const state = states.get(buffer);
    if (!state || state.isGarbage) return;
    state.isGarbage = true;
    garbageBytes += state.bytes;
  },
};

/** Whether bytes are in memory of `pageMemory` and begin at a page. */
export function isAtPage({ buffer, byteOffset }: Uint8Array): boolean {
  return byteOffset % PAGE_BYTES === 0 && states.has(buffer);
}
