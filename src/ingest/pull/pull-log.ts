/**
 * The counters and the log of a pull.
 * In: nothing. Out: types, and counters that do nothing.
 */

/** Counters of a pull; each is called once per event. */
export interface PullCounters {
  /** A segment arrived. */
  segments(bytes: number): void;
  /** A playlist or segment is requested again after a failure. */
  retries(): void;
  /** Segments were given up or left the playlist before they were fetched. */
  skipped(count: number): void;
  /** A segment that the playlist repeats was skipped. */
  duplicates(): void;
  /** The origin restarted its Media Sequence Numbers. */
  resets(): void;
  /** EXT-X-PROGRAM-DATE-TIME jumped within continuous media, and was ignored. */
  dateJumps(): void;
}

/** Counters that do nothing. */
export const noCounters: PullCounters = {
  segments() {},
  retries() {},
  skipped() {},
  duplicates() {},
  resets() {},
  dateJumps() {},
};

/** Log of a pull; a pino logger fits. */
export interface PullLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}
