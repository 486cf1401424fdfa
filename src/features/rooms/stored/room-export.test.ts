import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openTemporaryStore } from '../../../store/store.fixture.ts';
import { aMember, anItem, aRoom } from '../rooms.fixture.ts';
import { exportRoomsOf } from './room-export.ts';
import { RoomTables } from './room-tables.ts';

test('what is exported about a person has their rooms and entries, nothing of others, and no sign-in of a media server', async () => {
  await using store = await openTemporaryStore();
  const tables = new RoomTables(store.db);
  await tables.insert(aRoom('r1'), aMember('u1', { role: 'moderator' }));
  await tables.insert(aRoom('r2', { owner: 'u2', name: 'Of another' }), aMember('u2'));
  for (const [id, added_by] of [
    ['i1', 'u1'],
    ['i2', 'u2'],
  ] as const) {
    const { rank, name, target } = anItem(id);
    const row = { id, room_id: 'r2', parent_id: null, rank, name, target: JSON.stringify(target), signed: 0 };
    await store.db
      .insertInto('room_item')
      .values({ ...row, added_by, created_us: 0 })
      .execute();
  }
  const server = {
    id: 's',
    user_id: 'u1',
    kind: 'jellyfin',
    name: 'Mine',
    url: 'https://j.example',
    session: 'SEALED',
  };
  await store.db
    .insertInto('media_server')
    .values({ ...server, created_us: 0 })
    .execute();
  const exported = (await exportRoomsOf(store.db, 'u1')) as {
    joined: { id: string; role: string }[];
    items: { name: string }[];
    mediaServers: { url: string }[];
  };
  assert.deepEqual(
    exported.joined.map(({ id, role }) => [id, role]),
    [['r1', 'owner']],
  );
  assert.deepEqual(
    exported.items.map(({ name }) => name),
    ['Item i1'],
  );
  assert.equal(exported.mediaServers[0]!.url, 'https://j.example');
  assert.doesNotMatch(JSON.stringify(exported), /SEALED|Of another|Item i2/);
});
