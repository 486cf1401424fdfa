/**
 * Compares the sums of recordings and targets with the rows of their files, and makes them again. Both read
 * all rows.
 * In: databases that may not be in use. Out: ids of recordings, names of targets; sums.
 */
import { type Kysely, sql } from 'kysely';
import { type Fence, holdLease, indexTaken } from '../lease-table.ts';
import type { Tables } from '../schema.ts';
import type { StreamRows } from '../shards/stream-rows.ts';
import { differingSums, recountStatements } from '../tables/recorded-tables.ts';

/** Ids of recordings and names of targets whose sums are not those of their files, in order. */
export async function readDiffering(db: Kysely<Tables>): Promise<readonly string[]> {
  const { rows } = await sql.raw<{ name: string }>(differingSums).execute(db);
  return rows.map(({ name }) => name).sort();
}

/** As `readDiffering`, of all databases with rows of streams. @throws as `StreamRows.each` */
export async function readAllDiffering(rows: Pick<StreamRows, 'each'>): Promise<readonly string[]> {
  return (await rows.each(({ db }) => readDiffering(db))).flat();
}

/** As `recount`, in all databases with rows of streams. @param fence of the catalogue */
export async function recountAll(rows: Pick<StreamRows, 'each'>, fence: Fence | undefined): Promise<void> {
  await rows.each(({ name, db }) => recount(db, name === '' ? fence : undefined));
}

/**
 * Makes all sums again.
 *
 * @throws OxbowError `data-in-use` if another process has taken the data folder
 */
export async function recount(db: Kysely<Tables>, fence?: Fence): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    if (fence && !(await holdLease(transaction, fence))) throw indexTaken();
    for (const statement of recountStatements) await sql.raw(statement).execute(transaction);
  });
}
