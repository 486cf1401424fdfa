/**
 * Frames that wait as numbers and bytes, not as objects. A segment of sound waits for the next burst of its
 * source if the video ends later: V8 moves objects that wait for two seconds to the old generation, where
 * they are garbage until all of the heap is collected, with the memory that their views share.
 * In: frames of one track. Out: their numbers and bytes, when their segment ends.
 */
import type { Frame } from '@oxbow/media/frame';
import { NUMBERS_PER_SAMPLE as PER_FRAME, type SampleColumns } from '@oxbow/media/isobmff/fragment';

const FIRST_FRAMES = 128;
const FIRST_BYTES = 16 * 1024;

/** The waiting frames of one track. */
export class CompactFrames implements SampleColumns {
  #numbers = new Float64Array(FIRST_FRAMES * PER_FRAME);
  #bytes = new Uint8Array(FIRST_BYTES);
  #count = 0;
  #used = 0;

  get count(): number {
    return this.#count;
  }

  /** Valid until the next `push`. */
  get numbers(): Float64Array {
    return this.#numbers;
  }

  /** The bytes of all frames, one after the other; valid until the next `push`. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#used);
  }

  /** dts of the first frame, ticks; undefined without one. */
  get firstDts(): number | undefined {
    return this.#count === 0 ? undefined : this.#numbers[0];
  }

  /** Copies a frame. */
  push({ dts, pts, duration, key, data }: Frame): void {
    const at = this.#count * PER_FRAME;
    if (at === this.#numbers.length) {
      const numbers = new Float64Array(2 * at);
      numbers.set(this.#numbers);
      this.#numbers = numbers;
    }
    const end = this.#used + data.length;
    if (end > this.#bytes.length) {
      const bytes = new Uint8Array(2 * end);
      bytes.set(this.#bytes.subarray(0, this.#used));
      this.#bytes = bytes;
    }
    const numbers = this.#numbers;
    numbers[at] = dts;
    numbers[at + 1] = pts;
    numbers[at + 2] = duration;
    numbers[at + 3] = key ? 1 : 0;
    numbers[at + 4] = data.length;
    this.#bytes.set(data, this.#used);
    this.#used = end;
    this.#count++;
  }

  /** Forgets all frames. */
  clear(): void {
    this.#count = 0;
    this.#used = 0;
  }
}
