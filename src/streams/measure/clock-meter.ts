/**
 * Measures the clocks of a publisher: the drift of its timestamps against the clock of this server, and how
 * far its audio has moved against its picture. In: one value of each a second. Out: parts per million,
 * milliseconds. Pure. docs/media.md 1 and 4.
 *
 * What a publisher sends first (audio or picture) is the order of sending, not an offset: only the change
 * since the run began counts.
 */

/** What is known in one second. */
interface ClockSample {
  /** Monotonic, ms. */
  readonly nowMs: number;
  /**
   * Time of the wall clock less the timestamps of the media, by the frames that waited least, µs; undefined
   * where it is not measured.
   */
  readonly delayUs: number | undefined;
  /** How far the newest audio was behind the newest picture, ms of media; undefined without both. */
  readonly audioBehindMs: number | undefined;
}

/** A drift, and the time over which it was measured. */
interface Drift {
  /** Parts per million; positive: the clock of the encoder is slow. */
  readonly ppm: number;
  readonly seconds: number;
}

/** The drift is measured over at most this time, ms. */
const DRIFT_OVER_MS = 600_000;
/** The drift of a shorter time is noise, ms. */
const DRIFT_FROM_MS = 60_000;
/** The delay changes with each window of `live/skew`: this often is enough, ms. */
const DRIFT_EACH_MS = 10_000;
/** A larger step of the delay is not drift: the timestamps or the wall clock were set. */
const STEP_US = 500_000;
/** Samples before the first offset: encoders send what they kept, in a burst. */
const SETTLING = 5;
/** Samples of a median. */
const MEDIAN_OF = 10;

/** The clocks of one publisher. */
export class ClockMeter {
  #points: readonly { readonly atMs: number; readonly delayUs: number }[] = [];
  /** Of the last seconds, oldest first. */
  #behind: readonly number[] = [];
  #settling = SETTLING;
  /** The median when the run began, ms. */
  #firstBehindMs: number | undefined;

  /** Takes the sample of a second. */
  add({ nowMs, delayUs, audioBehindMs }: ClockSample): void {
    if (delayUs !== undefined) this.#addDelay(nowMs, delayUs);
    if (audioBehindMs !== undefined) this.#addBehind(audioBehindMs);
  }

  /** The drift; undefined before a minute was measured. */
  get drift(): Drift | undefined {
    const [first] = this.#points;
    const spanMs = first ? this.#points.at(-1)!.atMs - first.atMs : 0;
    if (!first || spanMs < DRIFT_FROM_MS) return undefined;
    // Least squares, with times in seconds: µs per second are parts per million.
    const points = this.#points.map(
      ({ atMs, delayUs }) => [(atMs - first.atMs) / 1000, delayUs - first.delayUs] as const,
    );
    const mean = (of: (point: readonly [number, number]) => number) =>
      points.reduce((sum, point) => sum + of(point), 0) / points.length;
    const [meanS, meanUs] = [mean(([s]) => s), mean(([, us]) => us)];
    const covariance = mean(([s, us]) => (s - meanS) * (us - meanUs));
    return { ppm: covariance / mean(([s]) => (s - meanS) ** 2), seconds: spanMs / 1000 };
  }

  /**
   * How far audio has moved after (positive) or before the picture since the run began, ms; undefined until
   * it is known.
   */
  get avOffsetMs(): number | undefined {
    if (this.#firstBehindMs === undefined) return undefined;
    return this.#firstBehindMs - medianOf(this.#behind);
  }

  #addDelay(nowMs: number, delayUs: number): void {
    const last = this.#points.at(-1);
    if (last && Math.abs(delayUs - last.delayUs) > STEP_US) {
      this.#points = [];
      this.#behind = [];
      this.#settling = SETTLING;
      this.#firstBehindMs = undefined;
    } else if (last && nowMs - last.atMs < DRIFT_EACH_MS) return;
    this.#points = [...this.#points.filter(({ atMs }) => nowMs - atMs < DRIFT_OVER_MS), { atMs: nowMs, delayUs }];
  }

  #addBehind(audioBehindMs: number): void {
    if (this.#settling > 0) {
      this.#settling--;
      return;
    }
    this.#behind = [...this.#behind.slice(1 - MEDIAN_OF), audioBehindMs];
    if (this.#behind.length === MEDIAN_OF) this.#firstBehindMs ??= medianOf(this.#behind);
  }
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
