/**
 * Date ranges of recordings in the index, so that playlists of the past do not read data tracks.
 * In: date ranges of a file when it is indexed. Out: those that overlap a stretch of time. They are written,
 * deleted and rebuilt together with the row of their file. RFC 8216bis 4.4.5.1.
 */

import { reachOf, sortDateRanges } from '@oxbow/media/m3u8/date-range';
import type { DateRangeTag } from '@oxbow/media/m3u8/playlist';
import type { Kysely } from 'kysely';
import type { Tables } from '../store/schema.ts';

/** A date range and the segment that carried it. */
export interface RecordedDateRange {
  readonly msn: number;
  readonly range: DateRangeTag;
}

/** Which date ranges to read. */
export interface DateRangeQuery {
  /** µs since 1970: ranges that end before `fromUs` or begin at or after `toUs` are left out. */
  readonly fromUs: number;
  readonly toUs: number;
  /** Ranges of later segments are left out, because a playlist of the past never changes. */
  readonly lastMsn: number;
}

/** Most ranges of one result; beyond it the oldest are left out. */
export const MAX_LISTED_DATE_RANGES = 1000;
/** This many of the newest ranges are enough to interpret the next ones. */
export const REMEMBERED_DATE_RANGES = 512;
/** Ranges that began longer before a stretch are not considered, µs. */
const LOOK_BACK_US = 24 * 3600 * 1_000_000;
/** Rows of one statement. */
const BATCH = 100;

/**
 * Writes the date ranges of a file in place of those written before.
 *
 * @param firstMsn of the file
 */
export async function putDateRanges(
  db: Kysely<Tables>,
  streamId: string,
  firstMsn: number,
  dateRanges: readonly RecordedDateRange[],
): Promise<void> {
  await db.deleteFrom('date_range').where('stream_id', '=', streamId).where('file_msn', '=', firstMsn).execute();
  // If one segment carries a range twice, the last one counts.
  const byName = new Map(dateRanges.map((listed) => [`${listed.msn} ${listed.range.id}`, listed]));
  const rows = [...byName.values()].map(({ msn, range }) => ({
    stream_id: streamId,
    file_msn: firstMsn,
    msn,
    id: range.id,
    start_us: Math.round(range.startDateMs * 1000),
    reach_us: Math.round(reachOf(range) * 1000),
    tag: JSON.stringify(range),
  }));
  for (let i = 0; i < rows.length; i += BATCH) {
    await db
      .insertInto('date_range')
      .values(rows.slice(i, i + BATCH))
      .execute();
  }
}

/**
 * Date ranges that overlap a stretch, in the order of their segments; a range that was updated is there
 * several times.
 */
export async function readDateRangesBetween(
  db: Kysely<Tables>,
  streamId: string,
  { fromUs, toUs, lastMsn }: DateRangeQuery,
): Promise<RecordedDateRange[]> {
  const rows = await db
    .selectFrom('date_range')
    .select(['msn', 'tag'])
    .where('stream_id', '=', streamId)
    .where('start_us', '>=', fromUs - LOOK_BACK_US)
    .where('start_us', '<', toUs)
    .where('reach_us', '>=', fromUs)
    .where('msn', '<=', lastMsn)
    .orderBy('msn', 'desc')
    .orderBy('start_us', 'desc')
    // Ties have the same order on every database, because a playlist of the past never changes.
    .orderBy('reach_us')
    .orderBy('id')
    .limit(MAX_LISTED_DATE_RANGES)
    .execute();
  return rows.reverse().map(parseRow);
}

/** The last `limit` date ranges before a segment, oldest first. */
export async function readDateRangesBefore(
  db: Kysely<Tables>,
  streamId: string,
  msn: number,
  limit: number,
): Promise<RecordedDateRange[]> {
  const rows = await db
    .selectFrom('date_range')
    .select(['msn', 'tag'])
    .where('stream_id', '=', streamId)
    .where('msn', '<', msn)
    .orderBy('msn', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .execute();
  return rows.reverse().map(parseRow);
}

function parseRow({ msn, tag }: { msn: number; tag: string }): RecordedDateRange {
  return { msn, range: JSON.parse(tag) as DateRangeTag };
}

/**
 * Each date range once, as updated last, in order of start.
 *
 * @param dateRanges in the order of their segments
 */
export function latestDateRanges(
  dateRanges: readonly RecordedDateRange[],
  { fromUs, toUs, lastMsn }: DateRangeQuery,
): DateRangeTag[] {
  const byId = new Map<string, DateRangeTag>();
  for (const { msn, range } of dateRanges) {
    if (msn > lastMsn) continue;
    byId.delete(range.id);
    byId.set(range.id, range);
  }
  const inside = [...byId.values()].filter(
    (range) => reachOf(range) * 1000 >= fromUs && range.startDateMs * 1000 < toUs,
  );
  return sortDateRanges(inside.slice(-MAX_LISTED_DATE_RANGES));
}
