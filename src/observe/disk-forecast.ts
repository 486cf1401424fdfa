/**
 * Predicts when a disk is full, from its growth in the last day.
 * In: samples of the free space. Out: bytes per second, seconds. Includes deletions of retention, so a disk at a constant level never fills.
 */

const DAY_MS = 24 * 3600 * 1000;
/** Least distance of two samples, ms. */
const APART_MS = 5 * 60 * 1000;
/** Least duration of the samples for a rate, ms. */
const LEAST_MS = 60 * 1000;

interface Look {
  readonly atMs: number;
  readonly freeBytes: number;
}

/** The samples of one disk in the last day; at most 290. */
export class DiskForecast {
  #kept: Look[] = [];
  #newest: Look | undefined;

  /** Adds a sample. `atMs` is of a monotonic clock. */
  add(atMs: number, freeBytes: number): void {
    const last = this.#kept.at(-1);
    this.#newest = { atMs, freeBytes };
    if (!last || atMs - last.atMs >= APART_MS) this.#kept.push(this.#newest);
    while (this.#kept[1] && this.#kept[1].atMs <= atMs - DAY_MS) this.#kept.shift();
  }

  /** Growth in bytes per second; negative if the disk emptied, 0 while there are too few samples. */
  get growth(): number {
    const [first] = this.#kept;
    if (!first || !this.#newest || this.#newest.atMs - first.atMs < LEAST_MS) return 0;
    return ((first.freeBytes - this.#newest.freeBytes) * 1000) / (this.#newest.atMs - first.atMs);
  }

  /** Seconds until the disk is full at this rate; Infinity if it does not fill. */
  get fullInSeconds(): number {
    const rate = this.growth;
    return this.#newest && rate > 0 ? this.#newest.freeBytes / rate : Number.POSITIVE_INFINITY;
  }
}
