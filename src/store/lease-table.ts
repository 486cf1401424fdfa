/**
 * Leases as rows of the metadata store, for processes that share it; each operation is one statement.
 * In: names. Out: LeaseStore; statements that write only while their token holds the lease.
 */
import type { Kysely } from 'kysely';
import type { LeaseStore } from '../cluster/lease/lease.ts';
import type { Clock } from '../lib/clock.ts';
import { OxbowError } from '../lib/errors.ts';
import { engineOf } from './engine.ts';
import type { Tables } from './schema.ts';

/** Condition of a guarded statement: `token` is still the newest of the lease. */
export interface Fence {
  readonly name: string;
  readonly token: number;
}

/**
 * Opens the leases of a store.
 *
 * @param clock of the expiry times; the clocks of machines that share the store must agree within a fraction
 *   of a time to live
 */
export function openLeaseTable(db: Kysely<Tables>, clock: Clock): LeaseStore {
  const afterMs = (ms: number) => Math.round((clock.nowMs() + ms) * 1000);
  return {
    async take(name, { holder, ttlMs, replaces = 0 }) {
      const now = afterMs(0);
      // A released row stays, so that its token keeps rising.
      const taken = await db
        .insertInto('lease')
        .values({ name, holder, token: 1, expires_us: afterMs(ttlMs) })
        .onConflict((conflict) =>
          conflict
            .column('name')
            .doUpdateSet((eb) => ({
              holder: eb.ref('excluded.holder'),
              token: eb('lease.token', '+', 1),
              expires_us: eb.ref('excluded.expires_us'),
            }))
            .where((eb) => eb.or([eb('lease.expires_us', '<=', now), eb('lease.token', '=', replaces)])),
        )
        .returningAll()
        .executeTakeFirst();
      const row =
        taken ?? (await db.selectFrom('lease').selectAll().where('name', '=', name).executeTakeFirstOrThrow());
      return {
        holder: row.holder,
        token: row.token,
        expiresMs: row.expires_us / 1000,
        isTaken: taken !== undefined,
      };
    },
    async renew(name, token, ttlMs) {
      const { numUpdatedRows } = await db
        .updateTable('lease')
        .set({ expires_us: afterMs(ttlMs) })
        .where('name', '=', name)
        .where('token', '=', token)
        .where('expires_us', '>', 0)
        .executeTakeFirst();
      return numUpdatedRows > 0n;
    },
    async release(name, token) {
      await db
        .updateTable('lease')
        .set({ expires_us: 0 })
        .where('name', '=', name)
        .where('token', '=', token)
        .execute();
    },
  };
}

/**
 * A row to insert (`expression`, with `columns`) if the fence is the newest of its lease, and no row
 * otherwise.
 */
export function valuesWhileHeld(db: Kysely<Tables>, { name, token }: Fence, row: Readonly<Record<string, unknown>>) {
  const held = db
    .selectFrom('lease')
    .select((eb) => Object.entries(row).map(([column, value]) => eb.val(value).as(column)))
    .where('name', '=', name)
    .where('token', '=', token);
  // Statements of other processes run meanwhile: the lease cannot be taken before this one is stored.
  return engineOf(db) === 'postgresql' ? held.forShare() : held;
}

/**
 * The first statement of a guarded transaction: no other process can take the lease before its end.
 *
 * @returns false if the fence is no longer the newest of its lease
 */
export async function holdLease(transaction: Kysely<Tables>, { name, token }: Fence): Promise<boolean> {
  const { numUpdatedRows } = await transaction
    .updateTable('lease')
    .set({ token })
    .where('name', '=', name)
    .where('token', '=', token)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** The error of a guarded write of a process whose lease another one has taken. */
export function indexTaken(): OxbowError {
  return new OxbowError('data-in-use', 'Another oxbow has taken this data folder; nothing is written to its index.');
}
