/**
 * The contract of the table of channels, in one process and in the nodes of a cluster.
 * In: a way to open an empty database. Out: tests; each database's test file runs this suite.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createManualClock } from '../../lib/clock.ts';
import { RowChanges } from '../../store/row-changes.ts';
import type { OpenDatabase } from '../../store/store.fixture.ts';
import { ChannelTable } from './channel-table.ts';

const START_MS = 1_795_000_000_000;
const item = (n: number) => ({
  kind: 'recording' as const,
  ref: 'cam',
  title: 'Ça va',
  startMs: START_MS + n * 3_600_000,
  durationMs: 1_800_500,
  weekly: n % 2 === 1,
  mediaMs: START_MS - 86_400_000,
});

/** Every database runs this suite. */
export function channelTableContract(name: string, open: OpenDatabase): void {
  suite(`channels on ${name}`, () => {
    test('a channel has what was written when the table is opened again; each change raises its revision', async () => {
      await using database = await open();
      const table = await ChannelTable.open(database.db);
      assert.deepEqual([table.of('tv').revision, table.of('tv').zone], [0, 'UTC']);
      await table.change('tv', () => ({ added: item(2) }));
      const { items } = await table.change('tv', () => ({ added: item(1) }));
      assert.deepEqual(
        items.map(({ startMs }) => startMs),
        [item(1).startMs, item(2).startMs],
        'in order of their start',
      );
      const [first, second] = items as [(typeof items)[number], (typeof items)[number]];
      const interruption = { streamId: 'cam', untilMs: START_MS + 500 };
      await table.change('tv', () => ({ zone: 'Europe/Berlin', fillFrom: ['cam'], interruption, room: 'r' }));
      await table.change('tv', () => ({ changed: { ...first, title: 'News' } }));
      const last = await table.change('tv', () => ({ removed: second.id }));
      await table.change('other', () => ({ added: item(3) }));
      assert.deepEqual((await ChannelTable.open(database.db)).of('tv'), last);
      assert.deepEqual(last, {
        streamId: 'tv',
        zone: 'Europe/Berlin',
        fillFrom: ['cam'],
        interruption,
        room: 'r',
        revision: 5,
        items: [{ ...first, title: 'News' }],
      });
      const ended = await table.change('tv', () => ({ interruption: null, room: null }));
      assert.deepEqual([ended.interruption, ended.room], [undefined, undefined]);
      assert.deepEqual((await ChannelTable.open(database.db)).of('tv'), ended);
    });

    test('a change that is refused writes nothing', async () => {
      await using database = await open();
      const table = await ChannelTable.open(database.db);
      await table.change('tv', () => ({ added: item(1) }));
      const refuse = () => {
        throw new RangeError('no');
      };
      await assert.rejects(table.change('tv', refuse), { message: 'no' });
      assert.equal((await ChannelTable.open(database.db)).of('tv').revision, 1);
    });

    test('two nodes that write at once keep both items, and each reads what the other wrote', async () => {
      await using database = await open();
      const node = async () => {
        const clock = createManualClock(START_MS);
        const changes = new RowChanges({ db: database.db, clock, failed: (error) => assert.fail(String(error)) });
        return { changes, table: await ChannelTable.open(database.db, changes) };
      };
      const [a, b] = [await node(), await node()];
      await a.table.change('tv', () => ({ zone: 'Asia/Shanghai' }));
      const seen: string[] = [];
      b.table.changed.subscribe((id) => seen.push(id));
      await Promise.all([
        a.table.change('tv', () => ({ added: item(1) })),
        b.table.change('tv', () => ({ added: item(2) })),
      ]);
      await a.changes.look();
      await b.changes.look();
      for (const { table } of [a, b]) {
        const { zone, revision, items } = table.of('tv');
        assert.deepEqual([zone, revision, items.length], ['Asia/Shanghai', 3, 2]);
      }
      assert.ok(seen.every((id) => id === 'tv') && seen.length >= 2);
    });
  });
}
