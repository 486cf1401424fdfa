/**
 * The newest token of a stream in the database with its rows, as a row of the leases there: guarded
 * statements check it as they check that of a data folder.
 * In: tokens of the catalogue. Out: rows that only rise.
 */
import type { Kysely } from 'kysely';
import type { Fence } from '../lease-table.ts';
import type { Tables } from '../schema.ts';

/** Name of the row of a stream. */
export function streamLease(streamId: string): string {
  return `stream/${streamId}`;
}

/** Name of the row that says that the holder of a lease follows the places of streams. */
export function spreadLease(name: string): string {
  return `shards/${name}`;
}

/** Notes it, with the token of the lease. */
export async function noteSpread(db: Kysely<Tables>, { name, token }: Fence): Promise<void> {
  await db
    .insertInto('lease')
    .values({ name: spreadLease(name), holder: '', token, expires_us: 0 })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ token }))
    .execute();
}

/**
 * Raises the token of a stream: from then on this database refuses writes with older ones. Waits for guarded
 * writes that are in progress.
 *
 * @returns the newest token: another one if it was higher already
 */
export async function raiseToken(db: Kysely<Tables>, streamId: string, token: number): Promise<number> {
  const name = streamLease(streamId);
  await db
    .insertInto('lease')
    .values({ name, holder: '', token, expires_us: 0 })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ token }).where('lease.token', '<', token))
    .execute();
  const row = await db.selectFrom('lease').select('token').where('name', '=', name).executeTakeFirstOrThrow();
  return row.token;
}
