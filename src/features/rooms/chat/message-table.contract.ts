/**
 * What the table of messages promises on every database.
 * In: a way to open an empty database. Out: tests; each database's test file runs this suite.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { administrator } from '../../../accounts/users/user.ts';
import type { OpenDatabase } from '../../../store/store.fixture.ts';
import { insertRoom } from './chat.fixture.ts';
import { type MessageRow, messageOf } from './message-row.ts';
import { type MessageBatch, MessageTable } from './message-table.ts';

const US = 1_795_000_000_000_000;
const SECOND = 1_000_000;
const nothing: MessageBatch = { rows: [], changes: [], marks: new Map() };
const all = { fromUs: 0, toUs: 2 * US, limit: 100 };

function row(seq: number, change: Partial<MessageRow> = {}): MessageRow {
  return {
    room_id: 'a',
    seq,
    client_id: `id-${seq}`,
    author: 'u1',
    author_name: 'Ann',
    kind: 'chat',
    text: `${seq}`,
    reply_to: null,
    stream_id: null,
    asset_id: null,
    item_id: null,
    media_us: null,
    extra: '{}',
    sent_us: US + seq * SECOND,
    deleted_us: null,
    ...change,
  };
}

const atStream = (seq: number, media_us: number, change: Partial<MessageRow> = {}) =>
  row(seq, { stream_id: 's', item_id: 'i', media_us, ...change });

/** Every database runs this suite. */
export function messageTableContract(name: string, open: OpenDatabase): void {
  suite(`messages of rooms on ${name}`, () => {
    test('a batch of any size is stored in one transaction, and read in order of its numbers', async () => {
      await using database = await open();
      const table = new MessageTable(database.db);
      for (const count of [1, 7, 64, 150]) {
        const rows = Array.from({ length: count }, (_, n) => row(n + 1, { room_id: `room-${count}` }));
        assert.equal((await table.write({ ...nothing, rows: rows.toReversed() })).repeated.size, 0);
        const stored = await table.before(`room-${count}`, 1e9, 1000, 'chat');
        assert.deepEqual(stored, rows.map(messageOf));
      }
      assert.deepEqual(
        (await table.before('room-150', 100, 2, 'chat')).map(({ seq }) => seq),
        [98, 99],
      );
    });

    test('the messages of an author become those of another, and one with a client id of the other stays', async () => {
      await using database = await open();
      const table = new MessageTable(database.db);
      await table.write({ ...nothing, rows: [row(1), row(2), row(3, { author: 'u2', client_id: 'id-2' })] });
      await table.changeAuthor('u1', { id: 'u2', name: 'Ben' });
      assert.deepEqual(
        (await table.before('a', 1e9, 10, 'chat')).map(({ author, name }) => [author, name]),
        [
          ['u2', 'Ben'],
          ['u1', 'Ann'],
          ['u2', 'Ann'],
        ],
      );
    });

    test('a client id of an author is stored once in a room; the number of the first is returned', async () => {
      await using database = await open();
      const table = new MessageTable(database.db);
      await table.write({ ...nothing, rows: [row(1), row(2)] });
      const again = [row(3, { client_id: 'id-1' }), row(4), row(5, { client_id: 'id-1', author: 'u2' })];
      const other = row(3, { client_id: 'id-1', room_id: 'b' });
      assert.deepEqual([...(await table.write({ ...nothing, rows: [...again, other] })).repeated], [['a 3', 1]]);
      assert.deepEqual(
        [await table.findSent('a', 'u1', 'id-1'), await table.findSent('a', 'u1', 'none')],
        [1, undefined],
      );
      // Messages without an author, of deleted accounts and of the room itself, do not collide.
      await table.changeAuthor('u1');
      await table.changeAuthor('u2');
      assert.deepEqual(
        (await table.before('a', 10, 10, 'chat')).map(({ author, name }) => author + name),
        ['', '', '', ''],
      );
    });

    test('a change replaces text and reactions, after the rows of its batch; marks are those of the room', async () => {
      await using database = await open();
      const table = new MessageTable(database.db);
      await insertRoom(database.db, 'a');
      assert.equal(await table.mark('a'), 0);
      const change = { roomId: 'a', seq: 1, text: 'new', extra: '{"reactions":{"👍":["u2"]}}', deletedUs: null };
      await table.write({ rows: [row(1)], changes: [change], marks: new Map([['a', 5000]]) });
      assert.deepEqual((await table.find('a', 1))?.reactions, { '👍': ['u2'] });
      assert.equal(await table.mark('a'), 5000);
      await table.write({ ...nothing, changes: [{ ...change, text: '', extra: '{}', deletedUs: US }] });
      assert.deepEqual(await table.find('a', 1), {
        seq: 1,
        id: 'id-1',
        kind: 'chat',
        author: 'u1',
        name: 'Ann',
        text: '',
        sentMs: US / 1000 + 1000,
        deleted: true,
      });
    });

    test('danmaku are found, changed and counted by their number as chat is', async () => {
      await using database = await open();
      const table = new MessageTable(database.db);
      await insertRoom(database.db, 'a');
      const danmaku = { kind: 'danmaku' };
      await table.write({ ...nothing, rows: [row(1), row(2, danmaku), row(3), row(4, danmaku)] });
      const change = { roomId: 'a', seq: 2, text: '', extra: '{}', deletedUs: US };
      await table.write({ ...nothing, changes: [change] });
      assert.equal((await table.find('a', 2))?.deleted, true);
      assert.equal(await table.mark('a'), 4);
      const before = async (kind: 'chat' | 'danmaku') => (await table.before('a', 4, 9, kind)).map(({ seq }) => seq);
      assert.deepEqual([await before('chat'), await before('danmaku')], [[1, 3], [2]]);
    });

    test('a batch that fails stores nothing of it, and the next one is stored', async () => {
      await using database = await open();
      const table = new MessageTable(database.db);
      await insertRoom(database.db, 'a');
      const broken = row(2, { text: null as unknown as string });
      await assert.rejects(table.write({ rows: [row(1), broken], changes: [], marks: new Map([['a', 5000]]) }));
      assert.deepEqual([await table.mark('a'), await table.find('a', 1)], [0, undefined]);
      assert.equal((await table.write({ ...nothing, rows: [row(1)] })).repeated.size, 0);
    });

    test('a stretch of media is read in its order, by pages that lose and repeat nothing', async () => {
      await using database = await open();
      const table = new MessageTable(database.db);
      const rows = [5, 1, 3, 3, 3, 2, 9].map((at, n) => atStream(n + 1, US + at * SECOND));
      const hidden = [atStream(20, US, { deleted_us: US }), atStream(21, US, { room_id: 'b' }), row(22)];
      await table.write({ ...nothing, rows: [...rows, ...hidden] });
      const stretch = { roomId: 'a', of: { streamId: 's' }, fromUs: US + SECOND, toUs: US + 9 * SECOND, limit: 2 };
      const seqs: number[] = [];
      for (let after: { atUs: number; seq: number } | undefined; ; ) {
        const page = await table.between({ ...stretch, after });
        seqs.push(...page.map(({ seq }) => seq));
        const last = page.at(-1);
        if (!last) break;
        after = { atUs: last.atMs! * 1000, seq: last.seq };
      }
      assert.deepEqual(seqs, [2, 6, 3, 4, 5, 1]);
    });

    test('text goes with its media: before the horizon, except pinned windows and rooms that keep their chat', async () => {
      await using database = await open();
      const table = new MessageTable(database.db);
      await insertRoom(database.db, 'a');
      await insertRoom(database.db, 'b', { keepChat: true });
      await insertRoom(database.db, 'c', { keepChat: false });
      const at = (n: number) => US + n * SECOND;
      const rows = ['a', 'b', 'c'].flatMap((room_id) => [1, 2, 3, 4].map((n) => atStream(n, at(n), { room_id })));
      await table.write({ ...nothing, rows: [...rows, row(9), atStream(10, at(1), { stream_id: 'other' })] });
      const gone = await table.removeBefore('s', at(4), [{ fromUs: at(2), toUs: at(3) }]);
      assert.deepEqual(Object.fromEntries(gone), { a: [1, 3], c: [1, 3] });
      const left = async (room: string) => (await table.before(room, 99, 99, 'chat')).map(({ seq }) => seq);
      assert.deepEqual(
        [await left('a'), await left('b'), await left('c')],
        [
          [2, 4, 9, 10],
          [1, 2, 3, 4],
          [2, 4],
        ],
      );
      assert.equal((await table.removeBefore('s', at(4), [{ fromUs: at(2), toUs: at(3) }])).size, 0);
    });

    test('text of assets that are gone is deleted, except in rooms that keep their chat', async () => {
      await using database = await open();
      const table = new MessageTable(database.db);
      await insertRoom(database.db, 'a');
      await insertRoom(database.db, 'b', { keepChat: true });
      const ofAsset = (seq: number, room_id: string) =>
        row(seq, { room_id, asset_id: 'film', item_id: 'i', media_us: 1 });
      await table.write({ ...nothing, rows: [ofAsset(1, 'a'), ofAsset(2, 'b'), row(3)] });
      assert.deepEqual(Object.fromEntries(await table.removeOfLostAssets()), { a: [1] });
      assert.equal((await table.between({ roomId: 'b', of: { assetId: 'film' }, ...all })).length, 1);
    });

    test('messages of an author are listed over all rooms, by pages', async () => {
      await using database = await open();
      const table = new MessageTable(database.db);
      const rows = [row(1), row(2, { author: 'u2' }), row(3), row(1, { room_id: 'b' }), row(2, { room_id: 'b' })];
      await table.write({ ...nothing, rows });
      const first = await table.ofAuthor('u1', { roomId: '', seq: 0 }, 3);
      assert.deepEqual(
        first.map(({ room_id, seq }) => `${room_id}${seq}`),
        ['a1', 'a3', 'b1'],
      );
      assert.deepEqual(
        (await table.ofAuthor('u1', { roomId: 'b', seq: 1 }, 3)).map(({ room_id, seq }) => `${room_id}${seq}`),
        ['b2'],
      );
      assert.deepEqual(await table.ofAuthor(administrator.id, { roomId: '', seq: 0 }, 3), []);
    });
  });
}
