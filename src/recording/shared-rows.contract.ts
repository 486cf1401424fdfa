/**
 * What the nodes of a cluster promise about rows of streams that they have in memory, on every database.
 * In: a way to open an empty database. Out: tests; each database's test file runs this suite.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createManualClock } from '../lib/clock.ts';
import { RowChanges } from '../store/row-changes.ts';
import type { OpenDatabase } from '../store/store.fixture.ts';
import { PinTable } from './pin-table.ts';

/** Every database runs this suite. */
export function sharedRowsContract(name: string, open: OpenDatabase): void {
  suite(`rows of streams in several nodes on ${name}`, () => {
    test('pins of one node are those of all when they have looked, and at once after a reload', async () => {
      await using database = await open();
      const clock = createManualClock();
      const openNode = async () => {
        const changes = new RowChanges({ db: database.db, clock, failed: (error) => assert.fail(String(error)) });
        return { changes, pins: await PinTable.open(database.db, changes) };
      };
      const a = await openNode();
      const b = await openNode();
      const range = { fromUs: 600_000_000, toUs: 660_000_000 };
      const pin = await a.pins.add('s', { ...range, text: 'kept' });
      assert.deepEqual(b.pins.ranges('s'), []);
      await b.changes.look();
      assert.deepEqual(b.pins.of('s'), [pin]);
      assert.deepEqual(b.pins.ranges('s'), a.pins.ranges('s'));
      await a.pins.remove('s', pin.id);
      await b.pins.reload(['s']);
      assert.deepEqual(b.pins.of('s'), []);
      assert.deepEqual(b.pins.ranges('s'), []);
    });
  });
}
