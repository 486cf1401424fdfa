/**
 * Predicts when a disk is full, from its growth in the last day and from the recordings that retention does
 * not limit yet.
 * In: samples of the free space, recordings that still grow. Out: bytes per second, seconds. The samples
 * include deletions by retention, so a disk at a constant level never fills.
 */

const DAY_MS = 24 * 3600 * 1000;
/** Least distance of two samples, ms. */
const APART_MS = 5 * 60 * 1000;
/** Least duration of the samples for a rate, ms. */
const LEAST_MS = 60 * 1000;
/** Other growth than that of recordings counts after this, seconds: the first minutes are often unusual. */
const LEAST_OTHER_S = 3600;

interface Look {
  readonly atMs: number;
  readonly freeBytes: number;
}

/** A recording that grows until retention deletes as much as is recorded. */
export interface GrowingRecording {
  readonly bytesPerSecond: number;
  /** Seconds until then; Infinity if it is kept for good. */
  readonly growsForS: number;
}

/** The forecast of a disk. */
interface DiskOutlook {
  /** Seconds until it is full; Infinity if it does not fill. */
  readonly fullInSeconds: number;
  /** Bytes that recordings add until retention holds their level; of a disk that fills, its free space. */
  readonly addsBytes: number;
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

  /** Seconds that the growth is measured over, at most a day. */
  get basisSeconds(): number {
    const [first] = this.#kept;
    return first && this.#newest ? (this.#newest.atMs - first.atMs) / 1000 : 0;
  }

  /**
   * The outlook: each recording grows until retention limits it; other growth of the disk continues.
   *
   * @param growing the recordings that grow now
   * @param mostBytes bytes that `record.maxDisk` still allows; Infinity without this limit
   * @param counts `recordings`: without growth by other programs
   */
  outlook(
    growing: readonly GrowingRecording[],
    mostBytes = Number.POSITIVE_INFINITY,
    counts: 'all' | 'recordings' = 'all',
  ): DiskOutlook {
    const free = this.#newest?.freeBytes ?? Number.POSITIVE_INFINITY;
    const isCounted = counts === 'all' && this.basisSeconds >= LEAST_OTHER_S;
    const other = isCounted ? Math.max(0, this.growth - rateOf(growing)) : 0;
    let stillGrowing = growing;
    let [atS, added, recorded] = [0, 0, 0];
    for (;;) {
      const recording = rateOf(stillGrowing);
      const limitS = recording > 0 ? atS + (mostBytes - recorded) / recording : Number.POSITIVE_INFINITY;
      const untilS = Math.min(limitS, ...stillGrowing.map(({ growsForS }) => growsForS));
      const rate = other + recording;
      if (rate > 0 && added + rate * (untilS - atS) >= free) {
        return { fullInSeconds: atS + (free - added) / rate, addsBytes: free };
      }
      if (untilS === Number.POSITIVE_INFINITY) return { fullInSeconds: untilS, addsBytes: recorded };
      added += rate * (untilS - atS);
      recorded += recording * (untilS - atS);
      atS = untilS;
      stillGrowing = atS >= limitS ? [] : stillGrowing.filter(({ growsForS }) => growsForS > atS);
    }
  }
}

const rateOf = (recordings: readonly GrowingRecording[]): number =>
  recordings.reduce((sum, { bytesPerSecond }) => sum + bytesPerSecond, 0);
