/**
 * What a pull counts and where it logs.
 * In: nothing. Out: types, and counters that count nothing.
 */

/** Counts what a pull does; each is called once per event. */
export interface PullCounters {
  /** A segment came. */
  segments(bytes: number): void;
  /** A playlist or segment is asked for again after a failure. */
  retries(): void;
  /** Segments that were given up or lost. */
  skipped(count: number): void;
  /** A segment was listed a second time and left out. */
  duplicates(): void;
  /** The origin began to number its segments anew. */
  resets(): void;
  /** EXT-X-PROGRAM-DATE-TIME jumped within continuous media, and was ignored. */
  dateJumps(): void;
}

/** Counters that count nothing. */
export const noCounters: PullCounters = {
  segments() {},
  retries() {},
  skipped() {},
  duplicates() {},
  resets() {},
  dateJumps() {},
};

/** Where a pull says what happens; a pino logger is one. */
export interface PullLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}
