/**
 * Makes the rows of a stream in one PostgreSQL database equal to those in another: stretches of rows whose
 * checksums differ are copied.
 * In: two databases with the same schema. Out: equal rows; their number. PostgreSQL manual, 9.24.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import { OxbowError } from '../../lib/errors.ts';
import { type Fence, holdLease } from '../lease-table.ts';
import { locationsOfStream } from '../objects/object-places.ts';
import type { Tables } from '../schema.ts';
import { type MovedTable, movedTables } from './stream-rows.ts';

/**
 * The length of the stretches by a column: about 256 files, 256 segments, 256 windows of ten minutes. A year
 * of a stream has about 2,000 of each. `retention` has one row for each recording, and few streams have more
 * than some codec configurations. Rows of files in buckets have a stretch for each folder, which is an hour.
 */
const stretches = {
  chunk_file: { column: 'first_msn', length: 15_360 }, // a file has a minute, about 60 segments
  date_range: { column: 'msn', length: 256 },
  retention: undefined,
  stats_window: { column: 'start_us', length: 153_600_000_000 },
  init: undefined,
  stream_caption: undefined,
  gap_healing: undefined,
  evidence_block: { column: 'seq', length: 64 }, // one a minute, a few kilobytes each
  stored_object: undefined,
  object_upload: undefined,
} as const satisfies Record<MovedTable, { readonly column: string; readonly length: number } | undefined>;
/** The folder of a location. */
const FOLDER = sql<string>`regexp_replace(location, '/[^/]*$', '')`;
/** Rows that one statement inserts or deletes. */
const ROWS_EACH = 500;

type Row = Readonly<Record<string, unknown>>;

/** Rows of a recording of the stream, or of a folder: count and checksum. */
interface Stretch {
  /** Id of the recording, or the folder. */
  readonly owner: string;
  readonly stretch: number;
  readonly rows: number;
  readonly checksum: string;
}

/** Number of rows of a stream by table. */
export type RowCounts = Readonly<Record<MovedTable, number>>;

/** Whether the rows of a table have a location instead of the id of a recording. */
function isOfFiles(table: MovedTable): boolean {
  return table === 'stored_object' || table === 'object_upload';
}

/** The recordings of a stream: its own, and those of its qualities, which have its id first. */
function rangesOf(table: MovedTable, streamId: string): readonly RawBuilder<boolean>[] {
  const { from, to } = locationsOfStream(streamId);
  if (isOfFiles(table)) return [sql<boolean>`location >= ${from} AND location < ${to}`];
  return [
    sql<boolean>`stream_id = ${streamId}`,
    sql<boolean>`stream_id > ${`${streamId}/`} AND stream_id < ${`${streamId}0`}`,
  ];
}

/** A digest of a row: of its columns in the order of their names. */
async function digestOf(db: Kysely<Tables>, table: MovedTable): Promise<RawBuilder<string>> {
  const { rows } = await sql<{ name: string }>`
    SELECT column_name AS name FROM information_schema.columns
    WHERE table_schema = current_schema() AND table_name = ${table} ORDER BY column_name COLLATE "C"`.execute(db);
  const columns = sql.join(rows.map(({ name }) => sql.ref(name)));
  return sql<string>`md5(ROW(${columns})::text)`;
}

/** The number of the stretch that a row is in. */
function numberIn(table: MovedTable): RawBuilder<number> {
  const stretch = stretches[table];
  return stretch ? sql`${sql.ref(stretch.column)} / ${sql.lit(stretch.length)}` : sql`0`;
}

/** The rows of a stretch. */
function rowsOf(table: MovedTable, { owner, stretch }: Stretch): RawBuilder<boolean> {
  // Its folders are not part of a folder.
  if (isOfFiles(table))
    return sql<boolean>`location >= ${`${owner}/`} AND location < ${`${owner}0`} AND ${FOLDER} = ${owner}`;
  const how = stretches[table];
  if (!how) return sql<boolean>`stream_id = ${owner}`;
  const column = sql.ref(how.column);
  const [first, end] = [stretch * how.length, (stretch + 1) * how.length];
  return sql<boolean>`stream_id = ${owner} AND ${column} >= ${first} AND ${column} < ${end}`;
}

async function stretchesIn(
  db: Kysely<Tables>,
  table: MovedTable,
  within: RawBuilder<boolean>,
): Promise<ReadonlyMap<string, Stretch>> {
  const digest = await digestOf(db, table);
  const { rows } = await sql<Stretch>`
    SELECT ${isOfFiles(table) ? FOLDER : sql.ref('stream_id')} AS owner, ${numberIn(table)} AS stretch, count(*) AS rows,
      sum(('x' || substr(${digest}, 1, 14))::bit(56)::bigint)::text AS checksum
    FROM ${sql.table(table)} WHERE ${within} GROUP BY 1, 2`.execute(db);
  return new Map(rows.map((row) => [`${row.owner} ${row.stretch}`, row]));
}

interface CopiedRows {
  readonly from: Kysely<Tables>;
  readonly to: Kysely<Tables>;
  /** Checked by each change in `to`. */
  readonly fence: Fence;
}

/**
 * Makes the rows of a stream in `to` equal to those in `from`: while these do not change, all of them have
 * the same counts and checksums afterwards.
 *
 * @returns number of rows
 * @throws OxbowError `data-in-use` if the fence is refused, `not-ready` if copied rows are not equal
 */
export async function equalize(
  databases: CopiedRows,
  streamId: string,
  { signal, progress }: { readonly signal: AbortSignal; readonly progress?: ((rows: number) => void) | undefined },
): Promise<RowCounts> {
  const counts: Partial<Record<MovedTable, number>> = {};
  for (const table of movedTables) {
    let rows = 0;
    for (const range of rangesOf(table, streamId)) {
      signal.throwIfAborted();
      for (const { row, isEqual } of await compare(databases, table, range)) {
        rows += row?.rows ?? 0;
        if (isEqual) continue;
        signal.throwIfAborted();
        await copy(databases, table, row!);
        progress?.(rows);
      }
    }
    counts[table] = rows;
  }
  return counts as Record<MovedTable, number>;
}

/** The stretches of both databases, and whether they are equal; `row` has no rows if only `to` has some. */
async function compare({ from, to }: CopiedRows, table: MovedTable, within: RawBuilder<boolean>) {
  const [source, target] = await Promise.all([stretchesIn(from, table, within), stretchesIn(to, table, within)]);
  const names = [...new Set([...source.keys(), ...target.keys()])];
  return names.map((name) => {
    const [a, b] = [source.get(name), target.get(name)];
    const row = a ?? Object.assign({}, b!, { rows: 0 });
    return { row, isEqual: a !== undefined && a.rows === b?.rows && a.checksum === b.checksum };
  });
}

/** Copies the rows of a stretch, and compares them. */
async function copy(databases: CopiedRows, table: MovedTable, stretch: Stretch): Promise<void> {
  const { from, to, fence } = databases;
  const within = rowsOf(table, stretch);
  // As of one moment, with its checksum.
  const { rows, sums } = await from
    .transaction()
    .setIsolationLevel('repeatable read')
    .execute(async (source) => {
      const sums = await stretchesIn(source, table, within);
      return { sums, ...(await sql<Row>`SELECT * FROM ${sql.table(table)} WHERE ${within}`.execute(source)) };
    });
  await to.transaction().execute(async (target) => {
    if (!(await holdLease(target, fence))) throw otherMove();
    await sql`DELETE FROM ${sql.table(table)} WHERE ${within}`.execute(target);
    for (let at = 0; at < rows.length; at += ROWS_EACH) {
      await target
        .insertInto(table)
        .values(rows.slice(at, at + ROWS_EACH) as never)
        .execute();
    }
    const [before] = sums.values();
    const [after] = (await stretchesIn(target, table, within)).values();
    if (before?.rows === after?.rows && before?.checksum === after?.checksum) return;
    throw new OxbowError('not-ready', `${table} has ${before?.rows ?? 0} rows there, and other ones in the target.`, {
      extra: { hint: 'Nothing was moved. Both databases need the same schema: oxbow db status' },
    });
  });
}

/**
 * Deletes the rows of a stream, in pages.
 *
 * @throws OxbowError `data-in-use` if the fence is refused: then these rows are no copies any more
 */
export async function deleteRows(
  db: Kysely<Tables>,
  fence: Fence,
  streamId: string,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  for (const table of movedTables) {
    for (const range of rangesOf(table, streamId)) {
      for (;;) {
        signal.throwIfAborted();
        const deleted = await db.transaction().execute(async (transaction) => {
          if (!(await holdLease(transaction, fence))) throw otherMove();
          const { numAffectedRows } = await sql`
            DELETE FROM ${sql.table(table)} WHERE ctid = ANY (ARRAY(
              SELECT ctid FROM ${sql.table(table)} WHERE ${range} LIMIT ${sql.lit(ROWS_EACH)}))`.execute(transaction);
          return Number(numAffectedRows ?? 0);
        });
        if (deleted < ROWS_EACH) break;
      }
    }
  }
}

/** The error of a move that another one has taken over. */
export function otherMove(): OxbowError {
  return new OxbowError('data-in-use', 'Another move of this stream has begun.', {
    extra: { hint: 'Wait for it, or run this command again.' },
  });
}
