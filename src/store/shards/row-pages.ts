/**
 * Makes the rows of a stream in one PostgreSQL database equal to those in another, page by page, and compares
 * them.
 * In: two databases with the same schema. Out: equal rows; counts and checksums. PostgreSQL manual, 9.24.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import { OxbowError } from '../../lib/errors.ts';
import { type Fence, holdLease } from '../lease-table.ts';
import type { Tables } from '../schema.ts';
import { type StreamTable, streamTables } from './stream-rows.ts';

/** Rows of a page: each has the segments of a file, a few kB. */
const PAGE = 500;
/** Rows that one statement deletes. */
const DELETED_EACH = 1000;

/** Number and checksum of the rows of a stream in a table. */
export interface TableSum {
  readonly rows: number;
  readonly checksum: string;
}

type Row = Readonly<Record<string, unknown>>;

/** Names of the tables. */
export const tableNames = Object.keys(streamTables) as readonly StreamTable[];

/** The recordings of a stream: its own, and those of its qualities, which have its id first. */
function rangesOf(streamId: string): readonly RawBuilder<boolean>[] {
  return [
    sql<boolean>`stream_id = ${streamId}`,
    sql<boolean>`stream_id > ${`${streamId}/`} AND stream_id < ${`${streamId}0`}`,
  ];
}

/** A digest of a row: of its columns in the order of their names. */
async function digestOf(db: Kysely<Tables>, table: StreamTable): Promise<RawBuilder<string>> {
  const { rows } = await sql<{ name: string }>`
    SELECT column_name AS name FROM information_schema.columns
    WHERE table_schema = current_schema() AND table_name = ${table} ORDER BY column_name COLLATE "C"`.execute(db);
  const columns = sql.join(rows.map(({ name }) => sql.ref(name)));
  return sql<string>`md5(ROW(${columns})::text)`;
}

/**
 * Makes the rows of a stream in `to` equal to those in `from`.
 *
 * @param fence checked by each change in `to`
 * @returns how many rows were written or deleted
 * @throws OxbowError `data-in-use` if the fence is refused
 */
export async function equalize(
  { from, to, fence }: { readonly from: Kysely<Tables>; readonly to: Kysely<Tables>; readonly fence: Fence },
  streamId: string,
  { signal, progress }: { readonly signal: AbortSignal; readonly progress?: ((rows: number) => void) | undefined },
): Promise<number> {
  let changed = 0;
  for (const table of tableNames) {
    const digest = await digestOf(from, table);
    const keys = sql.join(streamTables[table].map((column) => sql.ref(column)));
    const keyOf = (row: Row) => sql.join(streamTables[table].map((column) => sql.val(row[column])));
    for (const range of rangesOf(streamId)) {
      for (let last: Row | undefined; ; ) {
        signal.throwIfAborted();
        const after = last ? sql<boolean>`(${keys}) > (${keyOf(last)})` : sql<boolean>`TRUE`;
        const page = await sql<Row & { digest: string }>`
          SELECT ${keys}, ${digest} AS digest FROM ${sql.table(table)} WHERE ${range} AND ${after}
          ORDER BY ${keys} LIMIT ${sql.lit(PAGE)}`.execute(from);
        const end = page.rows.length < PAGE ? undefined : page.rows.at(-1)!;
        const within = end
          ? sql<boolean>`${range} AND ${after} AND (${keys}) <= (${keyOf(end)})`
          : sql<boolean>`${range} AND ${after}`;
        // One more than a page shows that there are too many.
        const there = await sql<Row & { digest: string }>`
          SELECT ${keys}, ${digest} AS digest FROM ${sql.table(table)} WHERE ${within}
          ORDER BY ${keys} LIMIT ${sql.lit(PAGE + 1)}`.execute(to);
        if (!isSame(page.rows, there.rows, streamTables[table])) {
          changed += await replace(table, { from, to, fence, within });
          progress?.(changed);
        }
        if (!end) break;
        last = end;
      }
    }
  }
  return changed;
}

function isSame(a: readonly Row[], b: readonly Row[], columns: readonly string[]): boolean {
  const all = [...columns, 'digest'];
  return a.length === b.length && a.every((row, i) => all.every((column) => row[column] === b[i]![column]));
}

/** Replaces the rows of a page in `to`. Rows that were added to it meanwhile are found by the next comparison. */
async function replace(
  table: StreamTable,
  {
    from,
    to,
    fence,
    within,
  }: {
    readonly from: Kysely<Tables>;
    readonly to: Kysely<Tables>;
    readonly fence: Fence;
    readonly within: RawBuilder<boolean>;
  },
): Promise<number> {
  const { rows } = await sql<Row>`
    SELECT * FROM ${sql.table(table)} WHERE ${within} LIMIT ${sql.lit(2 * PAGE)}`.execute(from);
  return to.transaction().execute(async (transaction) => {
    if (!(await holdLease(transaction, fence))) throw otherMove();
    const { numAffectedRows } = await sql`DELETE FROM ${sql.table(table)} WHERE ${within}`.execute(transaction);
    if (rows.length > 0)
      await transaction
        .insertInto(table)
        .values(rows as never)
        .execute();
    return Math.max(rows.length, Number(numAffectedRows ?? 0));
  });
}

/** Counts and checksums of the rows of a stream, by table. */
export async function sumsOf(db: Kysely<Tables>, streamId: string): Promise<Readonly<Record<StreamTable, TableSum>>> {
  const sums: Partial<Record<StreamTable, TableSum>> = {};
  for (const table of tableNames) {
    const digest = await digestOf(db, table);
    let rows = 0;
    let checksum = '';
    for (const range of rangesOf(streamId)) {
      const sum = await sql<{ rows: number; checksum: string }>`
        SELECT count(*) AS rows,
          coalesce(sum(('x' || substr(${digest}, 1, 12))::bit(48)::bigint), 0)::text AS checksum
        FROM ${sql.table(table)} WHERE ${range}`.execute(db);
      rows += sum.rows[0]!.rows;
      checksum += ` ${sum.rows[0]!.checksum}`;
    }
    sums[table] = { rows, checksum };
  }
  return sums as Record<StreamTable, TableSum>;
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
  for (const table of tableNames) {
    for (const range of rangesOf(streamId)) {
      for (;;) {
        signal.throwIfAborted();
        const deleted = await db.transaction().execute(async (transaction) => {
          if (!(await holdLease(transaction, fence))) throw otherMove();
          const { numAffectedRows } = await sql`
            DELETE FROM ${sql.table(table)} WHERE ctid = ANY (ARRAY(
              SELECT ctid FROM ${sql.table(table)} WHERE ${range} LIMIT ${sql.lit(DELETED_EACH)}))`.execute(
            transaction,
          );
          return Number(numAffectedRows ?? 0);
        });
        if (deleted < DELETED_EACH) break;
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
