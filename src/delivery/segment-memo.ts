/**
 * Caches facts about stored segments that clips need (sizes, shapes), so that a repeated clip only reads its
 * index.
 * In: keys of segments, and how to read the fact. Out: the fact, read once for concurrent callers. Bounded in
 * memory and concurrent reads.
 */
import { dropOldest } from '../lib/drop-oldest.ts';

/** Concurrent reads of all clips. */
const MAX_AT_ONCE = 8;

/** Limits concurrent tasks; the others wait in order (a counting semaphore). */
export class Semaphore {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  /** @param atOnce concurrent tasks */
  constructor(atOnce: number = MAX_AT_ONCE) {
    this.#free = atOnce;
  }

  /** Runs a task when there is room; returns its result. */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await task();
    } finally {
      // The next task takes the slot.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }
}

/** Values by key. */
export class Memo<T> {
  readonly #semaphore: Semaphore;
  readonly #max: number;
  /** Least recently used first. */
  readonly #values = new Map<string, Promise<T>>();

  /** @param max cached values */
  constructor(semaphore: Semaphore, max: number) {
    this.#semaphore = semaphore;
    this.#max = max;
  }

  /** Number of cached values. */
  get size(): number {
    return this.#values.size;
  }

  /** The value of a key, read now if it is not cached. Failures are not cached. */
  get(key: string, read: () => Promise<T>): Promise<T> {
    const cached = this.#values.get(key);
    this.#values.delete(key);
    const value = cached ?? this.#semaphore.run(read);
    this.#values.set(key, value);
    if (!cached) {
      value.catch(() => {
        if (this.#values.get(key) === value) this.#values.delete(key);
      });
    }
    dropOldest(this.#values, this.#max);
    return value;
  }
}
