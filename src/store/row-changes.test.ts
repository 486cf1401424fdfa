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

suite('rows that a node reads again', () => {
  test('are not those from before its own write, which would come back for a second', async () => {
    await using store = await openTemporaryStore();
    const failed = (error: unknown) => assert.fail(String(error));
    const changes = new RowChanges({ db: store.db, clock: createManualClock(), failed });
    const stored = new Map([
      ['a', 'key'],
      ['b', 'key'],
    ]);
    const memory = new Map(stored);
    const reads: (readonly string[] | undefined)[] = [];
    const reading = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    changes.follow('publish_key', async (keys) => {
      const rows = new Map(stored);
      reads.push(keys);
      reading.resolve();
      await answer.promise;
      return () => {
        for (const key of keys ?? []) if (!rows.has(key)) memory.delete(key);
        for (const key of keys ?? []) if (rows.has(key)) memory.set(key, rows.get(key)!);
      };
    });
    const write = (key: string, change: () => unknown) => changes.write('publish_key', key, async () => change());
    await write('a', () => {});
    const looked = changes.look();
    await reading.promise;
    await write('b', () => stored.set('b', 'other'));
    memory.delete('a');
    await write('a', () => stored.delete('a'));
    answer.resolve();
    await looked;
    assert.deepEqual([...memory.keys()], ['b'], 'a key that was revoked stays revoked');
    assert.deepEqual(reads, [['a'], ['a']], 'what others have is not read again for it');
    await changes.look();
    assert.equal(memory.get('b'), 'other');
  });
});
