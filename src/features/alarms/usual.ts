/**
 * What a stream usually has of something, e.g. frames a second: the median of the last ten minutes.
 * In: a value a second. Out: the median. Pure.
 */

/** One of this many values is kept. */
const EVERY = 10;
/** Kept values: ten minutes. */
const KEPT = 60;
/** This many are needed: a minute. */
const LEAST = 6;

/** The usual value of one stream. */
export class Usual {
  #values: readonly number[] = [];
  #count = 0;
  #median: number | undefined;

  /** Adds a value. */
  add(value: number): void {
    if (this.#count++ % EVERY !== 0) return;
    this.#values = [...this.#values.slice(1 - KEPT), value];
    this.#median = medianOf(this.#values);
  }

  /** Forgets all: another publisher. */
  clear(): void {
    this.#values = [];
    this.#count = 0;
    this.#median = undefined;
  }

  /** The median; undefined in the first minute, and if it is 0. */
  get value(): number | undefined {
    return this.#median;
  }
}

function medianOf(values: readonly number[]): number | undefined {
  if (values.length < LEAST) return undefined;
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] || undefined;
}
