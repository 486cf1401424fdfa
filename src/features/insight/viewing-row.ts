/**
 * What one session did in one minute, and the buckets that it counts in.
 * In: viewing-sessions.ts adds to it. Out: viewing-table.ts stores it; rows of the same minute are added.
 */
import { BUCKET_S } from '../../api/insight/insight-shapes.ts';

export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
const DAY_HOURS = 24;
/** Buckets of start-up times: each begins 10 % after the one before. */
export const STARTUP_BASE = 1.1;
export const LEAST_STARTUP_MS = 50;

/** Something that is watched. */
export interface Content {
  readonly kind: 'stream' | 'asset';
  readonly id: string;
}

/** How facts of a session came: reports of oxbow's player, events of CMCD, data in requests. */
export type ReportSource = 'report' | 'event' | 'request';

/** The sums of one session in one minute. */
export interface ViewingRow {
  readonly content: Content;
  readonly session: string;
  /** Minutes since 1970. */
  readonly minute: number;
  readonly edge: string;
  readonly country: string;
  readonly source: ReportSource;
  begins: boolean;
  watchMs: number;
  liveMs: number;
  /** Played with a known bitrate, ms, and the kbit of it. */
  bitMs: number;
  kbits: number;
  startupMs: number | undefined;
  stalls: number;
  stallMs: number;
  errors: number;
  failed: boolean;
  /** Last shown moment of recorded media, s. */
  positionS: number | undefined;
  /** Where the session ended, s; undefined: it has not. */
  leftS: number | undefined;
  /** Recorded media that was played, ms by bucket. */
  readonly heat: Map<number, number>;
  /** Buckets of an asset that the session has played for the first time. */
  readonly reached: number[];
}

/** The bucket of a position in seconds. */
export const bucketOf = (seconds: number): number => Math.floor(seconds / BUCKET_S);

/** First hour of the day of a minute. */
export const dayHourOf = (minute: number): number => Math.floor(minute / 60 / DAY_HOURS) * DAY_HOURS;

/** The bucket of a start-up time. */
export function startupBucketOf(ms: number): number {
  return ms <= LEAST_STARTUP_MS ? 0 : Math.ceil(Math.log(ms / LEAST_STARTUP_MS) / Math.log(STARTUP_BASE));
}

/** The middle of a bucket of start-up times, ms. */
export function startupMsOf(bucket: number): number {
  return bucket <= 0 ? LEAST_STARTUP_MS : LEAST_STARTUP_MS * STARTUP_BASE ** (bucket - 0.5);
}
