/**
 * Ranges of a stream's time.
 * In: nothing. Out: types. Times are unix milliseconds.
 */

/** A range [fromMs, toMs); `toMs` is after `fromMs`. */
export interface TimeSpan {
  readonly fromMs: number;
  readonly toMs: number;
}

/** The marked span of a clip; null: that end is not marked. */
export interface Clip {
  readonly fromMs: number | null;
  readonly toMs: number | null;
}
