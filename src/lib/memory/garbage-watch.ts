/**
 * Bounds the garbage of a thread. V8 starts a collection after 64 MiB of new buffers, does not count shared
 * buffers, and may not collect a slowly growing heap for hours; so dead media accumulates next to a small
 * heap.
 * In: memory use of the thread. Out: a collection when heap and buffers have reached 72 MiB and grown by 12
 * MiB (or by 15 %), when they have grown by 8 MiB in a minute, and after a load, when they are 8 MiB above
 * what they were before it and no longer grow. Growth counts when it has lasted four checks: young objects
 * come and go. Decision 0019.
 */
import { whileBuffersCountApart } from './heap.ts';
import { keptMemory } from './kept-memory.ts';
import { memoryUsage } from './memory-usage.ts';
import { pageMemory } from './page-memory.ts';
import { framePool, slabPool } from './slab-pool.ts';

const MIB = 1024 * 1024;
/** More than V8 allows between two collections (64 MiB): V8 starts an incremental one at once. */
const NUDGE_BYTES = 65 * MIB;
/** Memory use of the main thread below which no collection is started: one costs about 50 ms of CPU. */
const ENOUGH_BYTES = 72 * MIB;
/**
 * Growth since the last collection that is allowed above it, in bytes and as a share of the rest; the larger
 * one applies.
 */
const GROWTH_BYTES = 12 * MIB;
const GROWTH_SHARE = 0.15;
/** Least growth that is worth a collection. */
const LEAST_GROWTH_BYTES = 8 * MIB;
const LOOK_EVERY_MS = 1000;
/**
 * Checks between two collections, including V8's own: with much media V8 collects often enough by itself.
 * Growth lasts as many.
 */
const LEAST_LOOKS = 4;
/** A decrease by this since the last check means that V8 has collected. */
const COLLECTED_BYTES = 8 * MIB;
/** After this many checks (a minute) little growth is enough. */
const PATIENT_LOOKS = 60;
/**
 * After this many checks (three minutes) without a collection it need not have grown since: caches drop what
 * is not requested for two minutes, and without growth nothing collects that.
 */
const LATE_LOOKS = 180;

/** Options of a watch, with defaults; tests replace them. */
interface GarbageWatchOptions {
  /** Bytes of heap and buffers, including garbage. */
  readonly used?: () => number;
  readonly collect?: () => void;
  /** Memory use below which no collection is started, bytes; default 72 MiB. */
  readonly enough?: number;
  /** 0: only when `look` is called. */
  readonly everyMs?: number;
}

/** Watches the current thread until it is disposed. */
export class GarbageWatch implements Disposable {
  readonly #used: () => number;
  readonly #collect: () => void;
  readonly #enough: number;
  readonly #timer: NodeJS.Timeout | undefined;
  /** Least use since the last collection. */
  #low = Number.POSITIVE_INFINITY;
  #counted = 0;
  #last = 0;
  #looks = 0;
  /** Checks since the last collection that was started here. */
  #ownLooks = 0;
  /** Least use since the last collection after a load. */
  #rest = Number.POSITIVE_INFINITY;
  /** Use at the last checks. */
  #recent: number[] = [];

  constructor(options: GarbageWatchOptions = {}) {
    const { used = usedBytes, collect = startCollection, enough = ENOUGH_BYTES, everyMs = LOOK_EVERY_MS } = options;
    this.#used = used;
    this.#collect = collect;
    this.#enough = enough;
    if (everyMs > 0) this.#timer = setInterval(() => this.look(), everyMs).unref();
  }

  /** Adds bytes created by another thread that this one refers to: neither V8 nor `used` counts them. */
  count(bytes: number): void {
    this.#counted += bytes;
  }

  /** Starts a collection after too much growth; a timer calls it too. */
  look(): void {
    const used = this.#used();
    this.#low = Math.min(this.#low, used);
    this.#rest = Math.min(this.#rest, used);
    this.#ownLooks++;
    this.#looks = used < this.#last - COLLECTED_BYTES ? 0 : this.#looks + 1;
    this.#last = used;
    this.#recent = [...this.#recent.slice(1 - LEAST_LOOKS), used];
    const level = Math.min(...this.#recent);
    const grown = level - this.#low + this.#counted;
    const allowed = Math.max(this.#enough - this.#low, GROWTH_BYTES, this.#low * GROWTH_SHARE);
    if (this.#looks < LEAST_LOOKS) return;
    const hasGrown = grown >= allowed || (grown >= LEAST_GROWTH_BYTES && this.#looks >= PATIENT_LOOKS);
    if (!hasGrown) {
      if (this.#ownLooks < LATE_LOOKS || level - this.#rest < LEAST_GROWTH_BYTES) return;
      this.#rest = Number.POSITIVE_INFINITY; // what is left then is in use
    }
    this.#collect();
    this.#looks = 0;
    this.#ownLooks = 0;
    this.#counted = 0;
    this.#low = Number.POSITIVE_INFINITY; // measured after the collection
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/**
 * Heap and buffers of this thread, bytes, garbage included. Blocks of segments come and go by themselves:
 * their number says nothing of garbage. Neither does that of buffers that are used again.
 */
function usedBytes(): number {
  const { heapUsed, arrayBuffers } = memoryUsage();
  return heapUsed + arrayBuffers + pageMemory.garbageBytes - slabPool.bytes - framePool.bytes - keptMemory.bytes;
}

/**
 * Makes V8 start an incremental collection of the whole heap: it blocks the thread for a few ms, not 40 as
 * `gc` does. The only way is to allocate a large buffer. Its memory is never touched, so the system does not
 * commit it; the collection frees it as well.
 */
export function startCollection(): void {
  whileBuffersCountApart(() => {
    try {
      new ArrayBuffer(NUDGE_BYTES);
    } catch {
      // Not enough memory: V8 has collected everything before it gave up.
    }
  });
}
