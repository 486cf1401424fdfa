/**
 * Large buffers of this thread that are used again and again: they are no garbage, so the watch that bounds
 * garbage leaves them out.
 * In: sizes. Out: buffers; their sum.
 */

let sum = 0;

/** The buffers that are kept. */
export const keptMemory = {
  /** Bytes of all that was taken and not dropped. */
  get bytes(): number {
    return sum;
  },

  /** A buffer whose content is undefined. Its owner drops it. */
  take(bytes: number): Buffer<ArrayBuffer> {
    sum += bytes;
    return Buffer.allocUnsafeSlow(bytes);
  },

  /** The buffer is not used again: it is garbage when nothing refers to it. */
  drop(buffer: Buffer): void {
    sum -= buffer.length;
  },
};
