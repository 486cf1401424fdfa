/**
 * The spans of chunk files: what a timeline needs of the index, without reading the rows with their packed
 * segments.
 * In: a stream, a stretch of time. Out: spans. All columns but the gaps are in an index; the gaps are read of
 * the few files that have some.
 */
import type { Kysely, Selectable, SelectQueryBuilder } from 'kysely';
import { HOLE_US } from '../../live/continuity.ts';
import type { ChunkFileTable, Tables } from '../../store/schema.ts';
import { WINDOW_US } from '../window.ts';

const SPAN = ['first_msn', 'last_msn', 'start_us', 'end_us', 'run', 'utc_offset_us', 'segment_count'] as const;

/** The columns that a timeline needs. */
export type ChunkSpan = Pick<Selectable<ChunkFileTable>, (typeof SPAN)[number] | 'absences'>;

/** `absences` of a file that has none. */
const NOTHING_MISSING = '[]';

/** Longest possible file: it ends at a ten-minute mark, except for its last group. */
const LONGEST_US = 2 * WINDOW_US;
/** Windows that one query reads at most. */
const WINDOWS_EACH = 144;
/** Files whose gaps one query reads. */
const GAPS_EACH = 500;

/** A query of chunk files without its columns. */
type ChunkQuery = SelectQueryBuilder<Tables, 'chunk_file', object>;

/** Selects the files that overlap [fromUs, toUs), oldest first. */
export function overlapping(db: Kysely<Tables>, streamId: string, fromUs: number, toUs: number): ChunkQuery {
  return db
    .selectFrom('chunk_file')
    .where('stream_id', '=', streamId)
    .where('start_us', '<', toUs)
    .where('start_us', '>', fromUs - LONGEST_US)
    .where('end_us', '>', fromUs)
    .orderBy('start_us');
}

/** The spans of the files of a query, in its order. */
export async function readSpans(db: Kysely<Tables>, streamId: string, query: ChunkQuery): Promise<ChunkSpan[]> {
  const rows = await query.select([...SPAN, 'incomplete']).execute();
  const incomplete = rows.filter((row) => row.incomplete !== 0).map((row) => row.first_msn);
  const absences = new Map<number, string>();
  for (let at = 0; at < incomplete.length; at += GAPS_EACH) {
    const stored = await db
      .selectFrom('chunk_file')
      .select(['first_msn', 'absences'])
      .where('stream_id', '=', streamId)
      .where('first_msn', 'in', incomplete.slice(at, at + GAPS_EACH))
      .execute();
    for (const row of stored) absences.set(row.first_msn, row.absences);
  }
  return rows.map(({ incomplete: _, ...span }) => ({
    ...span,
    absences: absences.get(span.first_msn) ?? NOTHING_MISSING,
  }));
}

/** Sums over the files that start in one window. */
interface WindowSum extends Omit<ChunkSpan, 'absences'> {
  readonly last_start_us: number;
  readonly last_run: number;
  /** Sum of the durations of the files. */
  readonly media_us: number;
  /** Number of files with gaps. */
  readonly incomplete: number;
}

/** The files of a window joined into one span; undefined if media is missing between them. */
function seamless({ last_start_us: _, last_run, media_us, incomplete, ...span }: WindowSum): ChunkSpan | undefined {
  const isSeamless = Math.abs(span.end_us - span.start_us - media_us) < HOLE_US;
  return isSeamless && span.run === last_run && incomplete === 0 ? { ...span, absences: NOTHING_MISSING } : undefined;
}

/** As `ChunkQueries.joinedSpansBetween`. */
export async function readJoinedSpans(
  db: Kysely<Tables>,
  streamId: string,
  fromUs: number,
  toUs: number,
): Promise<ChunkSpan[]> {
  const windows = await readWindows(db, streamId, fromUs - LONGEST_US, toUs);
  const spans: ChunkSpan[] = [];
  for (let i = 0; i < windows.length; ) {
    const seam = seamless(windows[i]!);
    if (seam) {
      spans.push(seam);
      i++;
      continue;
    }
    // Windows with missing media are often adjacent: one query reads up to a day of them.
    const first = i;
    while (i < windows.length && i - first < WINDOWS_EACH && !seamless(windows[i]!)) i++;
    const started = db
      .selectFrom('chunk_file')
      .where('stream_id', '=', streamId)
      .where('start_us', '>=', windows[first]!.start_us)
      .where('start_us', '<=', windows[i - 1]!.last_start_us)
      .orderBy('start_us');
    spans.push(...(await readSpans(db, streamId, started)));
  }
  return spans;
}

function readWindows(db: Kysely<Tables>, streamId: string, fromUs: number, toUs: number): Promise<WindowSum[]> {
  return db
    .selectFrom('chunk_file')
    .select((eb) => [
      eb.fn.min('first_msn').as('first_msn'),
      eb.fn.max('last_msn').as('last_msn'),
      eb.fn.min('start_us').as('start_us'),
      eb.fn.max('start_us').as('last_start_us'),
      eb.fn.max('end_us').as('end_us'),
      eb.fn.min('run').as('run'),
      eb.fn.max('run').as('last_run'),
      eb.fn.min('utc_offset_us').as('utc_offset_us'),
      eb.fn.sum<number>('segment_count').as('segment_count'),
      eb.fn.sum<number>(eb('end_us', '-', eb.ref('start_us'))).as('media_us'),
      eb.fn.sum<number>('incomplete').as('incomplete'),
    ])
    .where('stream_id', '=', streamId)
    .where('start_us', '<', toUs)
    .where('start_us', '>', fromUs)
    .groupBy((eb) => eb('start_us', '-', eb('start_us', '%', eb.lit(WINDOW_US))))
    .orderBy('start_us')
    .execute();
}
