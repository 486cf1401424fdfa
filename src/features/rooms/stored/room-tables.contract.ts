/**
 * What the tables of rooms keep, on every database.
 * In: a way to open an empty database. Out: a test suite.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { nothingPlays } from '../../../api/room/playback.ts';
import type { OpenDatabase } from '../../../store/store.fixture.ts';
import { aMember, anItem, aRoom } from '../rooms.fixture.ts';
import { RoomTables } from './room-tables.ts';

/** Every database runs this suite. */
export function roomTablesContract(name: string, open: OpenDatabase): void {
  suite(`rooms on ${name}`, () => {
    test('a room is read as it was written, with the state of its playback', async () => {
      await using store = await open();
      const tables = new RoomTables(store.db);
      const room = aRoom('a', { password: '$x', capacity: 3, expiresMs: 5 });
      await tables.insert(room, aMember('u1'));
      assert.deepEqual(await tables.find('a'), { room, state: nothingPlays, usedMs: room.createdMs });
      const state = { ...nothingPlays, rev: 7, item: 'i1', anchorMedia: 1.5 };
      await tables.saveProgress('a', { state, usedMs: 9_000 });
      await tables.update({ ...room, name: 'other' });
      assert.deepEqual(await tables.find('a'), { room: { ...room, name: 'other' }, state, usedMs: 9_000 });
      assert.equal(await tables.find('b'), undefined);
    });

    test('public rooms are listed by last use and in pages; a room of a member also if it is unlisted', async () => {
      await using store = await open();
      const tables = new RoomTables(store.db);
      for (const [at, id] of ['a', 'b', 'c', 'd'].entries()) {
        const visibility = id === 'c' ? 'unlisted' : 'public';
        await tables.insert(aRoom(id, { visibility, name: `Room 10% ${id}`, owner: 'u1' }), aMember('u1'));
        await tables.saveProgress(id, { state: nothingPlays, usedMs: at === 3 ? 1 : at });
      }
      const ids = async (...call: Parameters<RoomTables['list']>) =>
        (await tables.list(...call)).map(({ room }) => room.id);
      assert.deepEqual(await ids({ query: '' }, { limit: 2 }), ['d', 'b']);
      assert.deepEqual(await ids({ query: '' }, { limit: 2, before: { usedMs: 1, id: 'b' } }), ['a']);
      assert.deepEqual(await ids({ query: '10% B' }, { limit: 9 }), ['b']);
      assert.deepEqual(await ids({ member: 'u1' }, { limit: 9 }), ['c', 'd', 'b', 'a']);
      assert.deepEqual(await ids({ member: 'u2' }, { limit: 9 }), []);
      assert.equal((await tables.list({ query: '' }, { limit: 1 }))[0]?.ownerName, 'Name of u1');
      assert.deepEqual([await tables.count(), await tables.count('u1'), await tables.count('u2')], [4, 4, 0]);
    });

    test('people and entries are written, changed and removed; a room is deleted with them', async () => {
      await using store = await open();
      const tables = new RoomTables(store.db);
      await tables.insert(aRoom('a'), aMember('u1'));
      await tables.saveMembers('a', [aMember('u1', { name: 'New' }), aMember('u2', { letIn: true, address: '::1' })]);
      assert.deepEqual(
        [...(await tables.members('a'))].sort((a, b) => (a.user < b.user ? -1 : 1)),
        [aMember('u1', { name: 'New' }), aMember('u2', { letIn: true, address: '::1' })],
      );
      await tables.saveMembers('a', [], ['u2']);
      assert.deepEqual(await tables.knowing('u2'), []);
      const many = Array.from({ length: 120 }, (_, at) => anItem(`i${at}`, { rank: 120 - at }));
      await tables.saveItems('a', many);
      await tables.saveItems('a', [anItem('i5', { rank: 0, name: 'first' })], ['i119']);
      const items = await tables.items('a');
      assert.deepEqual([items.length, items[0]?.name, items[1]?.id], [119, 'first', 'i118']);
      await tables.saveItems('a', [anItem('old', { target: { kind: 'link', url: 'https://ann:pass@a.example/x' } })]);
      const old = (await tables.items('a')).find(({ id }) => id === 'old');
      assert.doesNotMatch(JSON.stringify(old?.target), /ann|pass/, 'of a link that an earlier version stored');
      await tables.remove('a');
      assert.deepEqual(
        [await tables.find('a'), await tables.members('a'), await tables.items('a')],
        [undefined, [], []],
      );
    });

    test('a room expires at its time, or when it was not used for long', async () => {
      await using store = await open();
      const tables = new RoomTables(store.db);
      await tables.insert(aRoom('a', { createdMs: 1000, expiresMs: 5000 }), aMember('u1'));
      await tables.insert(aRoom('b', { createdMs: 1000 }), aMember('u1'));
      await tables.insert(aRoom('c', { createdMs: 3000 }), aMember('u1'));
      assert.deepEqual(await tables.expired(4999, 0), []);
      assert.deepEqual(await tables.expired(5000, 1000), ['a']);
      assert.deepEqual([...(await tables.expired(4000, 2000))].sort(), ['a', 'b']);
    });
  });
}
