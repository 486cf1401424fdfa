/**
 * Reads the sums of recordings, which the database keeps with the index of chunk files: of all time, and by
 * day (docs/decisions/0101).
 * In: rows of `recorded_total` and `recorded_quarter`. Out: totals for lists, days for calendars.
 */
import type { Kysely } from 'kysely';
import { isHealedRung, qualityRecordings, recordingOf } from '../../archive/recording-locations.ts';
import { type DayPart, type Quarters, queryParts } from '../../store/reading/day-parts.ts';
import type { Tables } from '../../store/schema.ts';
import { DAY_QUARTERS, QUARTER_US } from '../../store/tables/recorded-tables.ts';

/** Totals of a stream's recording. */
export interface RecordedTotals {
  /** Start of the oldest media, µs since 1970; undefined if nothing is recorded. */
  readonly fromUs: number | undefined;
  /** End of the newest file, µs since 1970; undefined if nothing is recorded. */
  readonly toUs: number | undefined;
  /** With those of its derived qualities. */
  readonly bytes: number;
  readonly durationUs: number;
}

/** The totals of a stream without a recording. */
export const NOTHING_RECORDED: RecordedTotals = { fromUs: undefined, toUs: undefined, bytes: 0, durationUs: 0 };

/** The files of a recording that start on a day. */
export interface DaySums {
  /** Place of the day in the list of days. */
  readonly index: number;
  readonly files: number;
  readonly bytes: number;
  readonly durationUs: number;
  /** Files with gaps before or within them. */
  readonly incomplete: number;
  /** Start of the first file, µs since 1970. */
  readonly fromUs: number;
  /** End of the last file, µs since 1970; it may be on the next day. */
  readonly toUs: number;
}

const TOTALS = ['stream_id', 'first_us', 'last_us', 'bytes', 'media_us'] as const;

/** The totals of a stream. */
export async function readTotals(db: Kysely<Tables>, streamId: string): Promise<RecordedTotals> {
  const { from, to } = qualityRecordings(streamId);
  const rows = await db
    .selectFrom('recorded_total')
    .select(TOTALS)
    .where((eb) =>
      eb.or([eb('stream_id', '=', streamId), eb.and([eb('stream_id', '>=', from), eb('stream_id', '<', to)])]),
    )
    .execute();
  return rows.reduce(withTotal, NOTHING_RECORDED);
}

/** The totals of all streams by id; those without a recording are not in it. */
export async function readAllTotals(db: Kysely<Tables>): Promise<ReadonlyMap<string, RecordedTotals>> {
  const rows = await db.selectFrom('recorded_total').select(TOTALS).execute();
  const totals = new Map<string, RecordedTotals>();
  for (const row of rows) {
    const { streamId } = recordingOf(row.stream_id);
    totals.set(streamId, withTotal(totals.get(streamId) ?? NOTHING_RECORDED, row));
  }
  return totals;
}

/**
 * Adds the row of a recording to the totals of its stream; of a quality only its bytes count, of what was
 * found later its time too.
 */
function withTotal(
  totals: RecordedTotals,
  row: Pick<Tables['recorded_total'], (typeof TOTALS)[number]>,
): RecordedTotals {
  const bytes = totals.bytes + row.bytes;
  const { rung } = recordingOf(row.stream_id);
  const durationUs = totals.durationUs + row.media_us;
  if (isHealedRung(rung)) return { ...totals, bytes, durationUs };
  if (rung !== undefined) return { ...totals, bytes };
  return { fromUs: row.first_us, toUs: row.last_us, bytes, durationUs };
}

/**
 * The sums of days of a recording; days without files are not in it. Days of UTC are added up, and what is
 * between the start of a day and the nearest midnight of UTC: of a year in Europe/Berlin these are 366 days
 * and 6 quarters of an hour for each, not 35,136 quarters.
 *
 * @param startsUs starts of the days in order, and the end of the last one; quarters of an hour, µs since
 *   1970
 */
export async function readDays(
  db: Kysely<Tables>,
  recordingId: string,
  startsUs: readonly number[],
): Promise<readonly DaySums[]> {
  const starts = startsUs.map((us) => Math.floor(us / QUARTER_US));
  const midnights = starts.map((quarter) => Math.round(quarter / DAY_QUARTERS));
  const days = starts.slice(0, -1).map((from, index): Quarters => ({ index, from, to: starts[index + 1]! }));
  const edges = starts.flatMap((quarter, index): Quarters[] => {
    const midnight = midnights[index]! * DAY_QUARTERS;
    return quarter === midnight ? [] : [{ index, from: Math.min(quarter, midnight), to: Math.max(quarter, midnight) }];
  });
  const utcDays = { from: midnights[0]!, to: midnights.at(-1)! };
  const { utc, edgeSums, spans } = await queryParts(db, recordingId, { utcDays, edges, days });
  return days.flatMap(({ index }) => {
    const sum = { index, files: 0, bytes: 0, durationUs: 0, incomplete: 0 };
    const add = (row: DayPart | undefined, sign: number) => {
      sum.files += sign * (row?.files ?? 0);
      sum.bytes += sign * (row?.bytes ?? 0);
      sum.durationUs += sign * (row?.media_us ?? 0);
      sum.incomplete += sign * (row?.incomplete ?? 0);
    };
    for (let day = midnights[index]!; day < midnights[index + 1]!; day++) add(utc.get(day), 1);
    // An edge before its midnight is of the day that begins there, an edge after it of the day before.
    for (const [at, sign] of [
      [index, -1],
      [index + 1, 1],
    ] as const)
      add(edgeSums.get(at), starts[at]! < midnights[at]! * DAY_QUARTERS ? -sign : sign);
    const span = spans.get(index);
    if (sum.files === 0 || span?.first_us == null || span.last_us == null) return [];
    return [{ ...sum, fromUs: span.first_us, toUs: span.last_us }];
  });
}
