/**
 * Says when a disk will be full, from how it filled in the last day.
 * In: looks at the free space. Out: bytes a second, seconds. What retention deletes counts too, so a disk that is kept level never fills.
 */

const DAY_MS = 24 * 3600 * 1000;
/** Looks closer together than this tell nothing new. */
const APART_MS = 5 * 60 * 1000;
/** A shorter stretch says too little of a rate. */
const LEAST_MS = 60 * 1000;

interface Look {
  readonly atMs: number;
  readonly freeBytes: number;
}

/** The looks of one day at one disk; at most 290 are kept. */
export class DiskForecast {
  #kept: Look[] = [];
  #newest: Look | undefined;

  /** Takes a look in. `atMs` is of a clock that never steps back. */
  add(atMs: number, freeBytes: number): void {
    const last = this.#kept.at(-1);
    this.#newest = { atMs, freeBytes };
    if (!last || atMs - last.atMs >= APART_MS) this.#kept.push(this.#newest);
    while (this.#kept[1] && this.#kept[1].atMs <= atMs - DAY_MS) this.#kept.shift();
  }

  /** How fast the disk filled, bytes a second; below 0 where it emptied, 0 while too little is known. */
  get growth(): number {
    const [first] = this.#kept;
    if (!first || !this.#newest || this.#newest.atMs - first.atMs < LEAST_MS) return 0;
    return ((first.freeBytes - this.#newest.freeBytes) * 1000) / (this.#newest.atMs - first.atMs);
  }

  /** Seconds until nothing is free if it goes on like that; Infinity where it does not fill. */
  get fullInSeconds(): number {
    const rate = this.growth;
    return this.#newest && rate > 0 ? this.#newest.freeBytes / rate : Number.POSITIVE_INFINITY;
  }
}
