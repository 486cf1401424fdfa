/**
 * Remembers what was learned of stored segments for clips, so that a clip asked for again, or by many, costs its index only.
 * In: keys of segments, and how to learn. Out: what was learned, once for all who ask. Bounded in memory and in reads at once.
 */

/** Segments that are looked at together, of all clips. */
const MAX_AT_ONCE = 8;
/** Segments of one clip that wait for each other. */
const MAX_PER_CLIP = 4;

/** Lets a bounded number of tasks run at once; the others wait in line. */
export class Gate {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  /** @param atOnce tasks that run together */
  constructor(atOnce: number = MAX_AT_ONCE) {
    this.#free = atOnce;
  }

  /** Runs a task when there is room; gives what it gives. */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await task();
    } finally {
      // Whoever is next takes over the place.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }
}

/** What was learned, by key. */
export class Memo<T> {
  readonly #gate: Gate;
  readonly #max: number;
  /** Least recently used first. */
  readonly #known = new Map<string, Promise<T>>();

  /** @param max values kept */
  constructor(gate: Gate, max: number) {
    this.#gate = gate;
    this.#max = max;
  }

  /** Values kept now. */
  get size(): number {
    return this.#known.size;
  }

  /**
   * What is known by a key, or learned now. A failure is not remembered.
   */
  learn(key: string, how: () => Promise<T>): Promise<T> {
    const known = this.#known.get(key);
    this.#known.delete(key);
    const value = known ?? this.#gate.run(how);
    this.#known.set(key, value);
    if (!known) {
      value.catch(() => {
        if (this.#known.get(key) === value) this.#known.delete(key);
      });
    }
    if (this.#known.size > this.#max) this.#known.delete(this.#known.keys().next().value!);
    return value;
  }
}

/**
 * Asks one thing after the other, a few at a time.
 *
 * Rejects with what `ask` does, or with the reason of `signal`: then nothing new is begun.
 *
 * @returns the answers, in the order of `items`
 */
export async function askEach<Item, T>(
  items: readonly Item[],
  ask: (item: Item, index: number) => Promise<T>,
  { signal }: { signal: AbortSignal },
): Promise<T[]> {
  const answers = new Array<T>(items.length);
  let next = 0;
  let failed = false;
  const work = async (): Promise<void> => {
    while (next < items.length && !failed) {
      signal.throwIfAborted();
      const index = next++;
      answers[index] = await ask(items[index]!, index);
    }
  };
  const workers = Array.from({ length: Math.min(MAX_PER_CLIP, items.length) }, async () => {
    try {
      await work();
    } catch (error) {
      failed = true;
      throw error;
    }
  });
  await Promise.all(workers);
  return answers;
}
