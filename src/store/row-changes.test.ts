import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createManualClock } from '../lib/clock.ts';
import { RowChanges } from './row-changes.ts';
import { openTemporaryStore } from './store.fixture.ts';

suite('changes that other nodes are asked to read', () => {
  test('are one request for all that were written meanwhile, and none before they are stored', async () => {
    await using store = await openTemporaryStore();
    const failed = (error: unknown) => assert.fail(String(error));
    const changes = new RowChanges({ db: store.db, clock: createManualClock(), failed });
    const stored: number[] = [];
    let goOn = Promise.withResolvers<void>();
    changes.tellBy(async () => {
      stored.push((await store.db.selectFrom('row_change').selectAll().execute()).length);
      await goOn.promise;
    });
    const ended: string[] = [];
    const write = (key: string) => changes.write('pin', key, async () => {}).then(() => ended.push(key));
    const first = write('a');
    while (stored.length === 0) await store.db.selectFrom('row_change').selectAll().execute();
    const others = ['b', 'c', 'd'].map(write);
    while ((await store.db.selectFrom('row_change').selectAll().execute()).length < 4);
    assert.deepEqual(ended, [], 'a write waits for the others');
    const { resolve } = goOn;
    goOn = Promise.withResolvers<void>();
    goOn.resolve();
    resolve();
    await Promise.all([first, ...others]);
    assert.deepEqual(stored, [1, 4]);
  });
});
