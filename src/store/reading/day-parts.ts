/**
 * Reads the parts that days of any time zone are made of, from the sums that triggers keep
 * (docs/decisions/0101).
 * In: a recording, quarters of an hour. Out: parts, which recording/sums adds up.
 */
import { type Kysely, sql } from 'kysely';
import { engineOf } from '../engine.ts';
import type { Tables } from '../schema.ts';
import { DAY_QUARTERS } from '../tables/recorded-tables.ts';

/** Quarters of an hour since 1970, [from, to). */
export interface Quarters {
  /** Place of the day that they are of, or begin. */
  readonly index: number;
  readonly from: number;
  readonly to: number;
}

const [UTC_DAY, EDGE, SPAN] = [0, 1, 2] as const;

/** Sums over some files. */
export interface DayPart {
  readonly kind: number;
  /** Number of the day of UTC, or place of the day. */
  readonly at: number;
  readonly files: number;
  readonly bytes: number;
  readonly media_us: number;
  readonly incomplete: number;
  readonly first_us: number | null;
  readonly last_us: number | null;
}

interface PartsQuery {
  /** Numbers of days of UTC since 1970, [from, to). */
  readonly utcDays: Pick<Quarters, 'from' | 'to'>;
  /** Parts of days of UTC, of at most half a day. */
  readonly edges: readonly Quarters[];
  /** At least one. */
  readonly days: readonly Quarters[];
}

/** By number of the day of UTC, or by place of the day. */
type Parts = ReadonlyMap<number, DayPart>;

/**
 * Reads the sums of days of UTC and of edges, and the first and the last moment of days. It is one statement:
 * what is added meanwhile is in all of its rows or in none.
 */
export async function queryParts(
  db: Kysely<Tables>,
  id: string,
  { utcDays, edges, days }: PartsQuery,
): Promise<{ readonly utc: Parts; readonly edgeSums: Parts; readonly spans: Parts }> {
  const values = (list: readonly Quarters[]) =>
    sql.raw(`(VALUES ${list.map(({ index, from, to }) => `(${index}, ${from}, ${to})`).join(', ')})`);
  const within = sql`FROM recorded_quarter q WHERE q.stream_id = ${id} AND q.quarter >= low AND q.quarter < high`;
  const sums = sql`sum(files) AS files, sum(bytes) AS bytes, sum(media_us) AS media_us, sum(incomplete) AS incomplete`;
  // The planner of PostgreSQL does not know that edges are short: each is read alone, and has a limit.
  const edgeSums =
    engineOf(db) === 'postgresql'
      ? sql`SELECT place, part.* FROM edge CROSS JOIN LATERAL
          (SELECT ${sums} FROM (SELECT q.* ${within} ORDER BY q.quarter LIMIT ${sql.lit(DAY_QUARTERS / 2)}) short) part`
      : sql`SELECT place, ${sums} FROM edge CROSS JOIN recorded_quarter q
          WHERE q.stream_id = ${id} AND q.quarter >= low AND q.quarter < high GROUP BY place`;
  const ofEdges = sql`UNION ALL
    SELECT ${sql.lit(EDGE)}, place, files, bytes, media_us, incomplete, 0, 0 FROM (${edgeSums}) edges`;
  const { rows } = await sql<DayPart>`
    WITH span (place, low, high) AS ${values(days)}
      ${edges.length > 0 ? sql`, edge (place, low, high) AS ${values(edges)}` : sql``}
    SELECT ${sql.lit(UTC_DAY)} AS kind, day AS at, files, bytes, media_us, incomplete, first_us, last_us
      FROM recorded_day WHERE stream_id = ${id} AND day >= ${utcDays.from} AND day < ${utcDays.to}
    UNION ALL
    SELECT ${sql.lit(SPAN)}, place, 0, 0, 0, 0,
      (SELECT q.first_us ${within} ORDER BY q.quarter LIMIT 1),
      (SELECT q.last_us ${within} ORDER BY q.quarter DESC LIMIT 1)
      FROM span
    ${edges.length > 0 ? ofEdges : sql``}`.execute(db);
  const partsOf = (kind: number) => new Map(rows.filter((row) => row.kind === kind).map((row) => [row.at, row]));
  return { utc: partsOf(UTC_DAY), edgeSums: partsOf(EDGE), spans: partsOf(SPAN) };
}
