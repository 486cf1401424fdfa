/**
 * The contract of the table of clips, in one process and in the nodes of a cluster.
 * In: a way to open an empty database. Out: tests; each database's test file runs this suite.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createManualClock } from '../../lib/clock.ts';
import { WINDOW_US } from '../../recording/window.ts';
import { RowChanges } from '../../store/row-changes.ts';
import type { OpenDatabase } from '../../store/store.fixture.ts';
import { ClipTable, MAX_CLIPS } from './clip-table.ts';

/** A ten-minute mark of the present: µs beyond 2^50. */
const START_US = 1_794_999_600_000_000;
const MINUTE_US = 60_000_000;

/** Every database runs this suite. */
export function clipTableContract(name: string, open: OpenDatabase): void {
  suite(`clips on ${name}`, () => {
    test('clips are restored when the table is opened again, newest first, without those that lost their media', async () => {
      await using database = await open();
      const table = await ClipTable.open(database.db);
      const at = (minute: number, createdUs: number, streamId = 's') => ({
        streamId,
        fromUs: START_US + minute * MINUTE_US,
        toUs: START_US + (minute + 1) * MINUTE_US,
        title: 'Ça va',
        visibility: 'unlisted' as const,
        owner: 'user:1',
        createdUs,
      });
      const first = await table.add(at(0, 5));
      const late = await table.add(at(25, 7));
      const early = await table.add(at(15, 6));
      const removed = await table.add(at(40, 8));
      const other = await table.add(at(0, 9, 'other'));
      for (const { id } of [first, late]) assert.match(id, /^[A-Za-z][\w-]{11}$/);
      assert.equal(await table.remove(removed.id), true);
      assert.equal(await table.remove(removed.id), false);
      const changed = await table.change(early.id, { title: 'New' });
      assert.deepEqual(changed, { ...early, title: 'New' });
      assert.equal(await table.change(removed.id, { title: 'New' }), undefined);
      assert.deepEqual(await table.lose('s', { fromUs: START_US, toUs: START_US + WINDOW_US }, 99), [first]);
      for (const each of [table, await ClipTable.open(database.db)]) {
        assert.deepEqual(each.newestFirst, [other, late, changed]);
        assert.deepEqual(each.find(first.id), { ...first, lostUs: 99 });
        const window = (n: number) => START_US + n * WINDOW_US;
        assert.deepEqual(each.ranges('s'), [{ fromUs: window(1), toUs: window(3) }]);
      }
      assert.deepEqual((await table.forget('s')).length, 2, 'the lost one had no media');
      assert.deepEqual((await ClipTable.open(database.db)).newestFirst, [other]);
    });

    test('a stream has as many clips as it may have; its lost ones make room', async () => {
      await using database = await open();
      const row = (n: number, lost_us: number | null) => ({
        id: `c${n}`,
        stream_id: 's',
        from_us: n,
        to_us: n + 1,
        title: '',
        visibility: 'public',
        owner: 'admin',
        created_us: n,
        lost_us,
      });
      const rows = Array.from({ length: MAX_CLIPS }, (_, n) => row(n, n === 500 ? 1 : null));
      await database.db.insertInto('clip').values(rows).execute();
      const table = await ClipTable.open(database.db);
      const clip = {
        streamId: 's',
        fromUs: 1,
        toUs: 2,
        title: '',
        owner: 'admin',
        createdUs: 2000,
        visibility: 'public' as const,
      };
      const added = await table.add(clip);
      assert.equal(table.find('c500'), undefined);
      await assert.rejects(table.add(clip), { code: 'limit-reached' });
      assert.deepEqual((await ClipTable.open(database.db)).newestFirst, table.newestFirst);
      assert.equal(table.newestFirst[0], added);
    });

    test('clips of one node are those of all when they have looked, and at once after a reload', async () => {
      await using database = await open();
      const clock = createManualClock();
      const openNode = async () => {
        const changes = new RowChanges({ db: database.db, clock, failed: (error) => assert.fail(String(error)) });
        return { changes, clips: await ClipTable.open(database.db, changes) };
      };
      const a = await openNode();
      const b = await openNode();
      const clip = await a.clips.add({
        streamId: 's',
        fromUs: 3_600_000_000,
        toUs: 3_660_000_000,
        title: 'a clip',
        visibility: 'public',
        owner: 'admin',
        createdUs: 1,
      });
      assert.deepEqual(b.clips.ranges('s'), []);
      await b.changes.look();
      assert.deepEqual(b.clips.newestFirst, [clip]);
      assert.deepEqual(b.clips.ranges('s'), a.clips.ranges('s'));
      await a.clips.change(clip.id, { title: 'another title' });
      await b.clips.reload(['s']);
      assert.equal(b.clips.find(clip.id)?.title, 'another title');
      await a.clips.remove(clip.id);
      await b.changes.look();
      assert.equal(b.clips.find(clip.id), undefined);
      assert.deepEqual(b.clips.ranges('s'), []);
    });
  });
}
