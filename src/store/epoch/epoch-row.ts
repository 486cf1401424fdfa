/**
 * The fencing epoch of a database: a number that rises when a replica is promoted. It is the token of a lease
 * that no process holds, so copies and backups have it, and no schema changes.
 * In: the database. Out: its epoch; statements that raise it. docs/decisions/0099.
 */
import type { Kysely } from 'kysely';
import { NODE_LEASE, SINGLE_LEASE } from '../data-folder-lease.ts';
import type { Tables } from '../schema.ts';

const EPOCH_LEASE = 'epoch';

/** Tokens of a stream while one database is the catalogue: those after a promotion are above them. */
export const TOKENS_OF_EPOCH: number = 2 ** 32;

/** The epoch of a database. */
export interface Epoch {
  /** 0: nothing was ever promoted. */
  readonly number: number;
  /** Another database was promoted in place of this one: no process may write here. */
  readonly isSuperseded: boolean;
}

/** Reads the epoch. @throws errors of the database */
export async function readEpoch(db: Kysely<Tables>): Promise<Epoch> {
  const row = await db
    .selectFrom('lease')
    .select(['token', 'holder'])
    .where('name', '=', EPOCH_LEASE)
    .executeTakeFirst();
  if (!row) return { number: 0, isSuperseded: false };
  return { number: row.token, isSuperseded: (JSON.parse(row.holder) as { state: string }).state === 'superseded' };
}

/**
 * Shards may know tokens of streams that this database has not, which was a replica: those of the new epoch
 * are above them, and the catalogue from before cannot reach them.
 */
async function beginTokens(db: Kysely<Tables>, epoch: number): Promise<void> {
  const first = epoch * TOKENS_OF_EPOCH;
  await db.updateTable('stream_shard').set({ token: first }).where('token', '<', first).execute();
}

/**
 * Raises the epoch, and ends the leases of all processes in the same transaction: each guarded write of a
 * process from before is refused from then on, also one that is under way.
 *
 * @param atMs when, ms since 1970; for people
 * @returns false, and nothing has changed, if the database has a higher epoch; also this one, for a mark
 */
export async function raiseEpoch(db: Kysely<Tables>, { number, isSuperseded }: Epoch, atMs: number): Promise<boolean> {
  const holder = JSON.stringify({
    state: isSuperseded ? 'superseded' : 'current',
    at: new Date(atMs).toISOString(),
  });
  return db.transaction().execute(async (transaction) => {
    // A replica that was current has the same number, with the note that was for the old primary.
    const { numInsertedOrUpdatedRows } = await transaction
      .insertInto('lease')
      .values({ name: EPOCH_LEASE, holder, token: number, expires_us: 0 })
      .onConflict((conflict) =>
        conflict
          .column('name')
          .doUpdateSet({ holder, token: number })
          .where('lease.token', isSuperseded ? '<' : '<=', number),
      )
      .executeTakeFirstOrThrow();
    if (numInsertedOrUpdatedRows === 0n) return false;
    if (!isSuperseded) await beginTokens(transaction, number);
    await transaction
      .updateTable('lease')
      .set((eb) => ({ token: eb('token', '+', 1), expires_us: 0 }))
      .where((eb) => eb.or([eb('name', '=', SINGLE_LEASE), eb('name', 'like', `${NODE_LEASE}%`)]))
      .execute();
    return true;
  });
}
