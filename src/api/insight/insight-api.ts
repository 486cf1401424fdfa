/**
 * The contract of insight: what its routes read.
 * In: features/insight implements it. Out: the routes. Times are ms since 1970.
 */
import type { Audience, AudienceNow, PlaybackQuality, Retention, ViewingSession, WatchHeat } from './insight-shapes.ts';

/** What figures are divided by. */
export type InsightKey = 'stream' | 'asset' | 'edge' | 'country';

/** What of all that was watched. Undefined: all. */
export interface InsightScope {
  /** Name of a stream. */
  readonly stream?: string | undefined;
  /** Id of an asset. */
  readonly asset?: string | undefined;
  /** Host name; empty: this server. */
  readonly edge?: string | undefined;
  /** ISO 3166-1; empty: unknown. */
  readonly country?: string | undefined;
}

/** [fromMs, toMs). */
export interface InsightRange {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Reads what was stored of viewing. Each throws `stream-unknown` and `asset-unknown`. */
export interface InsightApi {
  /** The audience now, of all nodes; up to two minutes old for other nodes. */
  now(scope: InsightScope): Promise<AudienceNow>;
  /** @param stepS length of a step, seconds; 0: chosen by the range */
  audience(scope: InsightScope, range: InsightRange, by: InsightKey | undefined, stepS: number): Promise<Audience>;
  /**
   * @param how.exact from the rows of sessions, to the minute; at most 31 days
   * @throws OxbowError `needs-duckdb` for many sealed rows without DuckDB
   */
  quality(
    scope: InsightScope,
    range: InsightRange,
    by: InsightKey | 'hour' | undefined,
    how?: { readonly exact: boolean },
  ): Promise<readonly PlaybackQuality[]>;
  /** @param range of the media, not of the watching */
  heat(stream: string, range: InsightRange, stepS: number, top: number): Promise<WatchHeat>;
  retention(asset: string, range: InsightRange): Promise<Retention>;
  /** Sessions in the order of their start. @param cursor `nextCursor` of the page before */
  sessions(
    scope: InsightScope,
    range: InsightRange,
    page: { readonly limit: number; readonly cursor: string | undefined },
  ): Promise<{ readonly items: readonly ViewingSession[]; readonly nextCursor: string | null }>;
}
