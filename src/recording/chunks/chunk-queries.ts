/**
 * Reads the index of chunk files: by MSN for segments, by time for windows and timelines.
 * In: rows that `ChunkTable` writes. Out: rows, spans, date ranges.
 */
import type { ReadQuery } from '../../store/engine.ts';
import type { StreamRows } from '../../store/shards/stream-rows.ts';
import { DAY_QUARTERS, QUARTER_US } from '../../store/tables/recorded-tables.ts';
import {
  type DateRangeQuery,
  type RecordedDateRange,
  readDateRangesBefore,
  readDateRangesBetween,
} from '../date-range-rows.ts';
import { type ChunkSpan, overlapping, readJoinedSpans, readSpans } from './chunk-spans.ts';
import type { ChunkRow } from './chunk-table.ts';

const SEGMENTS = ['first_msn', 'path', 'init_number', 'segments'] as const;
/** The columns that describe the segments of a file. */
export type ChunkSegments = Pick<ChunkRow, (typeof SEGMENTS)[number]>;

/** Reads the index of all streams. */
export class ChunkQueries {
  readonly #rows: StreamRows;
  readonly #settledUs: () => number;

  /**
   * @param settledUs rows that start before this no longer change, except that retention deletes them: they
   *   may be read from a replica; µs since 1970
   */
  constructor(rows: StreamRows, settledUs: () => number = () => 0) {
    this.#rows = rows;
    this.#settledUs = settledUs;
  }

  /** Reads old rows from a replica. */
  #until<T>(toUs: number, id: string, query: ReadQuery<T>): Promise<T> {
    return toUs < this.#settledUs() ? this.#rows.readPast(id, query) : this.#rows.read(id, query);
  }

  /** Date ranges that overlap a stretch of time, in the order of their segments. */
  dateRangesBetween(streamId: string, between: DateRangeQuery): Promise<RecordedDateRange[]> {
    return this.#rows.read(streamId, (db) => readDateRangesBetween(db, streamId, between));
  }

  /** The last `limit` date ranges before a segment, oldest first. */
  dateRangesBefore(streamId: string, msn: number, limit: number): Promise<RecordedDateRange[]> {
    return this.#rows.read(streamId, (db) => readDateRangesBefore(db, streamId, msn, limit));
  }

  /** The row of the file that contains `msn`. */
  async holding(streamId: string, msn: number): Promise<ChunkRow | undefined> {
    const row = await this.upTo(streamId, msn);
    return row && row.last_msn >= msn ? row : undefined;
  }

  /** The row of the last file that begins at or before `msn`. */
  upTo(streamId: string, msn: number): Promise<ChunkRow | undefined> {
    return this.#rows.read(streamId, (db) =>
      db
        .selectFrom('chunk_file')
        .selectAll()
        .where('stream_id', '=', streamId)
        .where('first_msn', '<=', msn)
        .orderBy('first_msn', 'desc')
        .limit(1)
        .executeTakeFirst(),
    );
  }

  /** Start of the first file of a run, µs since 1970: no file has two runs. */
  async runStart(streamId: string, run: number): Promise<number | undefined> {
    const row = await this.#rows.read(streamId, (db) =>
      db
        .selectFrom('chunk_file')
        .select((eb) => eb.fn.min('start_us').as('start_us'))
        .where('stream_id', '=', streamId)
        .where('run', '=', run)
        .executeTakeFirst(),
    );
    return row?.start_us ?? undefined;
  }

  /** Rows that overlap [fromUs, toUs), oldest first. */
  between(streamId: string, fromUs: number, toUs: number): Promise<ChunkRow[]> {
    return this.#until(toUs, streamId, (db) => overlapping(db, streamId, fromUs, toUs).selectAll().execute());
  }

  /** Like `between`, with only the columns that describe the segments. */
  segmentsBetween(streamId: string, fromUs: number, toUs: number): Promise<ChunkSegments[]> {
    return this.#until(toUs, streamId, (db) => overlapping(db, streamId, fromUs, toUs).select(SEGMENTS).execute());
  }

  /** Like `between`, without the segments: the input of a timeline. */
  spansBetween(streamId: string, fromUs: number, toUs: number): Promise<ChunkSpan[]> {
    return this.#until(toUs, streamId, (db) => readSpans(db, streamId, overlapping(db, streamId, fromUs, toUs)));
  }

  /**
   * Like `spansBetween`, with the files of a window joined if nothing is missing between them: thirty days
   * have 43,200 files and 4,320 windows. The result may contain files that begin up to two windows before
   * `fromUs`.
   *
   * @param fromUs a ten-minute mark
   */
  joinedSpansBetween(streamId: string, fromUs: number, toUs: number): Promise<ChunkSpan[]> {
    return this.#rows.read(streamId, (db) => readJoinedSpans(db, streamId, fromUs, toUs));
  }

  /** The first file that starts at or after `us`; a gap before it may begin before `us`. */
  async firstSpanFrom(streamId: string, us: number): Promise<ChunkSpan | undefined> {
    const spans = await this.#rows.read(streamId, (db) => {
      const first = db
        .selectFrom('chunk_file')
        .where('stream_id', '=', streamId)
        .where('start_us', '>=', us)
        .orderBy('start_us')
        .limit(1);
      return readSpans(db, streamId, first);
    });
    return spans[0];
  }

  /** The number of segments in files that start at or after `us`. */
  async segmentsFrom(streamId: string, us: number): Promise<number> {
    const quarter = Math.ceil(us / QUARTER_US);
    const day = Math.ceil(quarter / DAY_QUARTERS);
    const row = await this.#rows.read(streamId, (db) =>
      db
        .selectNoFrom((eb) => [
          eb
            .selectFrom('recorded_day')
            .select((sums) => sums.fn.sum<number>('segments').as('count'))
            .where('stream_id', '=', streamId)
            .where('day', '>=', day)
            .as('days'),
          eb
            .selectFrom('recorded_quarter')
            .select((sums) => sums.fn.sum<number>('segments').as('count'))
            .where('stream_id', '=', streamId)
            .where('quarter', '>=', quarter)
            .where('quarter', '<', day * DAY_QUARTERS)
            .as('quarters'),
          eb
            .selectFrom('chunk_file')
            .select((files) => files.fn.sum<number>('segment_count').as('count'))
            .where('stream_id', '=', streamId)
            .where('start_us', '>=', us)
            .where('start_us', '<', quarter * QUARTER_US)
            .as('files'),
        ])
        .executeTakeFirstOrThrow(),
    );
    return (row.days ?? 0) + (row.quarters ?? 0) + (row.files ?? 0);
  }

  /** The newest file. */
  last(streamId: string): Promise<ChunkRow | undefined> {
    return this.#rows.read(streamId, (db) =>
      db
        .selectFrom('chunk_file')
        .selectAll()
        .where('stream_id', '=', streamId)
        .orderBy('first_msn', 'desc')
        .limit(1)
        .executeTakeFirst(),
    );
  }

  /** The oldest file. */
  oldest(streamId: string): Promise<ChunkSpan | undefined> {
    return this.firstSpanFrom(streamId, 0);
  }

  /** All indexed files: their paths relative to the data folder and their first MSNs. */
  async files(streamId: string): Promise<{ paths: Set<string>; firstMsns: Set<number> }> {
    const rows = await this.#rows.read(streamId, (db) =>
      db.selectFrom('chunk_file').select(['path', 'first_msn']).where('stream_id', '=', streamId).execute(),
    );
    return { paths: new Set(rows.map((row) => row.path)), firstMsns: new Set(rows.map((row) => row.first_msn)) };
  }

  /** Files that started in [fromUs, toUs), oldest first, at most `limit`. */
  startedBetween(
    streamId: string,
    fromUs: number,
    toUs: number,
    limit: number,
  ): Promise<Pick<ChunkRow, 'first_msn' | 'path' | 'size' | 'start_us'>[]> {
    return this.#rows.read(streamId, (db) =>
      db
        .selectFrom('chunk_file')
        .select(['first_msn', 'path', 'size', 'start_us'])
        .where('stream_id', '=', streamId)
        .where('start_us', '>=', fromUs)
        .where('start_us', '<', toUs)
        .orderBy('start_us')
        .limit(limit)
        .execute(),
    );
  }
}
