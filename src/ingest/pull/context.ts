/**
 * What all parts of a pull share: the way out, the clock, where to count and to log.
 * In: whoever starts the pull. Out: the files beside this one. Pure types but for the counters that count nothing.
 */
import type { Clock } from '../../lib/clock.ts';
import type { ParsedPlaylist } from '../../media/m3u8/parse.ts';
import type { KeyStore } from './key-store.ts';
import type { LowLatency } from './low-latency.ts';
import type { SourceAccess } from './source-access.ts';

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

/** What all parts of a pull share. */
export interface PullContext {
  readonly access: SourceAccess;
  readonly keys: KeyStore;
  readonly clock: Clock;
  readonly log: PullLog;
  readonly counters: PullCounters;
  /** End of the media that the stream had when the pull began, ms since 1970. */
  readonly hadUntilMs: number | undefined;
  /** How far before the live edge to begin, ms; 0 is near the edge. */
  readonly fromMs: number;
  /** Longest segment, bytes; default 64 MiB. Several renditions are held at a time. */
  readonly maxSegmentBytes?: number;
  /** Whether the source is followed by its parts; of one pull. */
  readonly lowLatency: LowLatency;
  /** Told of every playlist that was loaded, of the rendition whose context this is. */
  readonly onPlaylist?: ((parsed: ParsedPlaylist) => void) | undefined;
}
