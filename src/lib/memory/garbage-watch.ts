/**
 * Bounds the garbage of a thread. V8 begins a collection when 64 MiB of buffers were made since the last one, does not count shared
 * buffers at all, and may leave a heap that grows slowly alone for hours; so dead media piles up beside a small heap.
 * In: what the thread uses. Out: a collection when heap and buffers have reached 72 MiB and grown by 12 MiB (or by 15 %), and when they
 * have grown by 8 MiB in a minute. Decision 0019.
 */

const MIB = 1024 * 1024;
/** More than V8 lets come between two collections (64 MiB): it begins one at once, in steps beside the thread's work. */
const NUDGE_BYTES = 65 * MIB;
/** Up to here garbage may grow in the main thread: a collection costs some 50 ms of CPU. */
const ENOUGH_BYTES = 72 * MIB;
/** Growth since the last collection that is left alone above it; as a share of what was left then, where that is more. */
const GROWTH_BYTES = 12 * MIB;
const GROWTH_SHARE = 0.15;
/** It is not worth a collection to get back less. */
const LEAST_GROWTH_BYTES = 8 * MIB;
const LOOK_EVERY_MS = 1000;
/** Looks between two collections, V8's own counted: where much media passes V8 collects often enough by itself. */
const LEAST_LOOKS = 4;
/** So much less in use than a look before: V8 has collected. */
const COLLECTED_BYTES = 8 * MIB;
/** So many looks after the last collection, a minute, little growth is enough. */
const PATIENT_LOOKS = 60;

/** What a watch looks at and does; all have defaults, tests give their own. */
export interface GarbageWatchOptions {
  /** Bytes of heap and buffers, dead ones too. */
  readonly used?: () => number;
  readonly collect?: () => void;
  /** Bytes up to which `used` may grow whatever is garbage of it; 72 MiB if not given. */
  readonly enough?: number;
  /** 0: only when `look` is called. */
  readonly everyMs?: number;
}

/** Watches the thread that it is made in, until it is disposed. */
export class GarbageWatch implements Disposable {
  readonly #used: () => number;
  readonly #collect: () => void;
  readonly #enough: number;
  readonly #timer: NodeJS.Timeout | undefined;
  /** Least in use since the last collection. */
  #low = Number.POSITIVE_INFINITY;
  #counted = 0;
  #last = 0;
  #looks = 0;

  constructor(options: GarbageWatchOptions = {}) {
    const { used = usedBytes, collect = startCollection, enough = ENOUGH_BYTES, everyMs = LOOK_EVERY_MS } = options;
    this.#used = used;
    this.#collect = collect;
    this.#enough = enough;
    if (everyMs > 0) this.#timer = setInterval(() => this.look(), everyMs).unref();
  }

  /** Adds bytes that this thread refers to and another one made: neither V8 nor `used` counts them here. */
  count(bytes: number): void {
    this.#counted += bytes;
  }

  /** Compares, and starts a collection where too much was made since the last; called by itself. */
  look(): void {
    const used = this.#used();
    this.#low = Math.min(this.#low, used);
    this.#looks = used < this.#last - COLLECTED_BYTES ? 0 : this.#looks + 1;
    this.#last = used;
    const grown = used - this.#low + this.#counted;
    const allowed = Math.max(this.#enough - this.#low, GROWTH_BYTES, this.#low * GROWTH_SHARE);
    if (this.#looks < LEAST_LOOKS) return;
    if (grown < allowed && (grown < LEAST_GROWTH_BYTES || this.#looks < PATIENT_LOOKS)) return;
    this.#collect();
    this.#looks = 0;
    this.#counted = 0;
    this.#low = Number.POSITIVE_INFINITY; // measured when the collection is done
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** Heap and buffers of this thread, bytes, garbage included. */
function usedBytes(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/**
 * Makes V8 start a collection of the whole heap in steps: the thread stands still for some ms, not for 40 as with `gc`. V8 has no
 * door to that but a large buffer. Its memory is never touched, so the system gives it none; the collection takes it away as well.
 */
export function startCollection(): void {
  try {
    new ArrayBuffer(NUDGE_BYTES);
  } catch {
    // The system would not promise so much memory: V8 has then collected everything before it gave up.
  }
}
