/**
 * The contract of the table of leases.
 * In: a way to open an empty database. Out: tests; each database's test file runs this suite.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { leaseContract } from '../cluster/lease/lease.contract.ts';
import { createManualClock } from '../lib/clock.ts';
import { holdLease, openLeaseTable, valuesWhileHeld } from './lease-table.ts';
import type { OpenDatabase } from './store.fixture.ts';

/** Every database runs this suite. */
export function leaseTableContract(name: string, open: OpenDatabase): void {
  leaseContract(`a table of ${name}`, async () => {
    const { db, [Symbol.asyncDispose]: close } = await open();
    const clock = createManualClock();
    return { store: openLeaseTable(db, clock), clock, [Symbol.asyncDispose]: close };
  });

  suite(`writes that a lease guards on ${name}`, () => {
    test('the owner writes; after a takeover the same statement writes nothing', async () => {
      await using store = await open();
      const { db } = store;
      const leases = openLeaseTable(db, createManualClock());
      const { token } = await leases.take('cam', { holder: 'a', ttlMs: 1000 });
      const fence = { name: 'cam', token };
      const write = (epoch: number) =>
        db
          .insertInto('watch_epoch')
          .columns(['stream', 'epoch'])
          .expression(valuesWhileHeld(db, fence, { stream: 'cam', epoch }))
          .onConflict((conflict) => conflict.column('stream').doUpdateSet({ epoch }))
          .executeTakeFirst();
      const isHeld = () => db.transaction().execute((transaction) => holdLease(transaction, fence));
      assert.equal((await write(1)).numInsertedOrUpdatedRows, 1n);
      assert.equal(await isHeld(), true);
      assert.equal((await write(2)).numInsertedOrUpdatedRows, 1n);
      await leases.take('cam', { holder: 'b', ttlMs: 1000, replaces: token });
      assert.equal((await write(3)).numInsertedOrUpdatedRows, 0n);
      assert.deepEqual(
        (await db.selectFrom('watch_epoch').selectAll().execute()).map(({ epoch }) => epoch),
        [2],
      );
      assert.equal(await isHeld(), false);
    });
  });
}
