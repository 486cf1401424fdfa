/**
 * The date ranges of recordings in the index: what their data tracks say, so that lists of the past need not read them.
 * In: ranges of a file as it is indexed. Out: those that reach into a stretch of time. Written and forgotten with the file's own row,
 * and made again with it. RFC 8216bis 4.4.5.1.
 */
import type { Kysely } from 'kysely';
import { reachOf, sortDateRanges } from '../media/m3u8/date-range.ts';
import type { DateRangeTag } from '../media/m3u8/playlist.ts';
import type { Tables } from '../store/schema.ts';

/** A range, and the segment in which it was told. */
export interface RecordedDateRange {
  readonly msn: number;
  readonly range: DateRangeTag;
}

/** A stretch of a recording. */
export interface DateRangeQuery {
  /** µs since 1970: ranges that end before it are left out, as are those that begin at or after `toUs`. */
  readonly fromUs: number;
  readonly toUs: number;
  /** What was told later does not count: a list of the past never changes. */
  readonly lastMsn: number;
}

/** Ranges of one answer: beyond it those that were told first are left out. */
export const MAX_LISTED_DATE_RANGES = 1000;
/** As many of the last words are enough to understand what is said next. */
export const REMEMBERED_DATE_RANGES = 512;
/** No range is looked for that began longer before, µs. */
const LOOK_BACK_US = 24 * 3600 * 1_000_000;
/** Rows of one statement. */
const BATCH = 100;

/**
 * Writes what a file says, in place of what was written of it before.
 *
 * @param firstMsn of the file
 */
export async function putDateRanges(
  db: Kysely<Tables>,
  streamId: string,
  firstMsn: number,
  told: readonly RecordedDateRange[],
): Promise<void> {
  await db.deleteFrom('date_range').where('stream_id', '=', streamId).where('file_msn', '=', firstMsn).execute();
  // Of what one segment says twice of a range the last word counts.
  const byName = new Map(told.map((one) => [`${one.msn} ${one.range.id}`, one]));
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

/** What reaches into a stretch, in the order in which it was told; of each range as often as more was said of it. */
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
    // Of equal ones too every database gives the same order: a list of the past never changes.
    .orderBy('reach_us')
    .orderBy('id')
    .limit(MAX_LISTED_DATE_RANGES)
    .execute();
  return rows.reverse().map(parseRow);
}

/** The newest words before a segment, oldest first. */
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
 * Each range once, as it was told last, by their starts.
 *
 * @param told in the order in which it was told
 */
export function latestDateRanges(
  told: readonly RecordedDateRange[],
  { fromUs, toUs, lastMsn }: DateRangeQuery,
): DateRangeTag[] {
  const byId = new Map<string, DateRangeTag>();
  for (const { msn, range } of told) {
    if (msn > lastMsn) continue;
    byId.delete(range.id);
    byId.set(range.id, range);
  }
  const inside = [...byId.values()].filter(
    (range) => reachOf(range) * 1000 >= fromUs && range.startDateMs * 1000 < toUs,
  );
  return sortDateRanges(inside.slice(-MAX_LISTED_DATE_RANGES));
}
