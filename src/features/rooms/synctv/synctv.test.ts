import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import { checkPassword } from '../../../accounts/users/password.ts';
import type { ItemTarget } from '../../../api/room/item-shapes.ts';
import { effectiveMask, permissionsOf } from '../../../api/room/permissions.ts';
import type { PlaybackState } from '../../../api/room/playback.ts';
import type { RoomOptions } from '../../../api/room/room-shapes.ts';
import { openForeignDatabase } from '../../../store/foreign/foreign-database.ts';
import { openTemporaryStore } from '../../../store/store.fixture.ts';
import { convertSyncTv, type SyncTvTables } from './convert.ts';
import { storeImported } from './store-imported.ts';
import { createSyncTvDatabase, idOf, passwordHash } from './synctv.fixture.ts';

const options = {
  nowMs: Date.UTC(2026, 10, 22),
  admins: false,
  nameKey: (name: string) => name.toLowerCase(),
  roomId: (id: string) => `r${id.slice(-9)}`,
};
const names = ['users', 'user_providers', 'rooms', 'room_settings', 'room_members', 'movies'] as const;

async function readTables(): Promise<SyncTvTables> {
  const folder = await mkdtemp(join(tmpdir(), 'oxbow-synctv-'));
  try {
    createSyncTvDatabase(join(folder, 'synctv.db'));
    using database = openForeignDatabase(join(folder, 'synctv.db'));
    return Object.fromEntries(names.map((name) => [name, database.rows(name)])) as unknown as SyncTvTables;
  } finally {
    await rm(folder, { recursive: true });
  }
}

suite('a database of SyncTV', () => {
  test('has users, whose passwords and roles are kept; the shared guest is none', async () => {
    const { users, identities } = convertSyncTv(await readTables(), options);
    assert.deepEqual(
      users.map(({ name, role, state }) => [name, role, state]),
      [
        ['root', 'user', 'active'],
        ['Ann', 'user', 'active'],
        ['Bob', 'user', 'active'],
        ['Pia', 'user', 'pending'],
        ['Mallory', 'user', 'banned'],
      ],
    );
    const ann = users[1]!;
    assert.equal((await checkPassword(ann.password!, 'correct horse battery')).matches, true);
    assert.deepEqual([ann.password, ann.email, ann.email_verified], [passwordHash, 'ann@example.org', 1]);
    assert.equal(ann.created_us, Date.parse('2024-05-01T10:20:30.123+08:00') * 1000);
    assert.deepEqual(
      identities.map(({ provider, subject, user_id }) => [provider, subject, user_id]),
      [['github', '583231', idOf(2)]],
    );
  });

  test('has administrators, who stay administrators only where that is requested', async () => {
    const { users } = convertSyncTv(await readTables(), { ...options, admins: true });
    assert.deepEqual(
      users.filter(({ role }) => role === 'admin').map(({ name }) => name),
      ['root', 'Bob'],
    );
  });

  test('has rooms with their options; what is switched off for members stays off', async () => {
    const { rooms, leftOut } = convertSyncTv(await readTables(), options);
    const [room, ...others] = rooms;
    assert.equal(others.length, 0);
    assert.deepEqual(
      [room!.name, room!.owner, room!.visibility, room!.password],
      ['Film night', idOf(2), 'unlisted', passwordHash],
    );
    const { guests, approve, control, masks } = JSON.parse(room!.options) as RoomOptions;
    assert.deepEqual([guests, approve, control], [true, false, 'moderators']);
    assert.deepEqual(permissionsOf(masks.member), ['list', 'chat', 'talk', 'danmaku']);
    assert.deepEqual(permissionsOf(masks.guest), ['list']);
    assert.ok(leftOut.some(({ kind, name, reason }) => kind === 'room' && name === 'Closed' && /banned/.test(reason)));
  });

  test('has members, each with exactly the permissions that they had', async () => {
    const { members, rooms } = convertSyncTv(await readTables(), options);
    const { masks } = JSON.parse(rooms[0]!.options) as RoomOptions;
    const byName = new Map(members.map((one) => [one.name, one]));
    const maskOf = (name: string) => {
      const { role, allow, deny } = byName.get(name)!;
      return permissionsOf(effectiveMask(role as 'member' | 'moderator', masks, { allow, deny }));
    };
    const owner = members.find(({ user_id }) => user_id === rooms[0]!.owner)!;
    assert.deepEqual([owner.role, owner.state, owner.allow, owner.deny], ['owner', 'active', 0, 0]);
    assert.deepEqual([...byName.keys()], [owner.name, 'Bob', 'Pia', 'Mallory']);
    assert.deepEqual(maskOf('Pia'), ['list', 'setItem']);
    assert.ok(maskOf('Bob').includes('moderate') && !maskOf('Bob').includes('editRoom'));
    assert.deepEqual([byName.get('Pia')!.state, byName.get('Mallory')!.state], ['pending', 'banned']);
  });

  test('has playlists with folders, links and their headers; the rest is left out with a reason', async () => {
    const { items, leftOut, rooms } = convertSyncTv(await readTables(), options);
    const target = (id: number) => JSON.parse(items.find((one) => one.id === idOf(id))!.target) as ItemTarget;
    assert.deepEqual(
      items.map(({ id, parent_id }) => [id, parent_id]),
      [
        [idOf(21), null],
        [idOf(22), idOf(21)],
        [idOf(25), null],
      ],
    );
    assert.deepEqual(target(22), {
      kind: 'link',
      url: 'https://cdn.example/a/1.m3u8?x=1',
      type: 'hls',
      proxy: true,
      headers: { Referer: 'https://example.org/' },
      subtitles: [{ name: 'English', url: 'https://cdn.example/a/1.srt' }],
    });
    assert.deepEqual(
      leftOut.filter(({ kind }) => kind === 'entry').map(({ name }) => name),
      ['Camera', 'Cloud', 'Script'],
    );
    assert.ok(leftOut.every(({ kind, room }) => (kind === 'entry' ? room === 'Film night' : room === undefined)));
    const { item, playing, anchorMedia } = JSON.parse(rooms[0]!.state) as PlaybackState;
    assert.deepEqual([item, playing, anchorMedia], [idOf(22), false, 61_500], 'it is paused where it was');
  });

  test('is imported once, also if the command is repeated; a taken name gets a number', async () => {
    await using store = await openTemporaryStore();
    await store.db
      .insertInto('user')
      .values({
        id: 'own',
        name: 'ann',
        name_key: 'ann',
        role: 'user',
        state: 'active',
        created_us: 0,
        seen_us: 0,
        email_verified: 0,
      })
      .execute();
    const converted = convertSyncTv(await readTables(), options);
    assert.deepEqual(await storeImported(store.db, converted), {
      users: 5,
      rooms: 1,
      members: 4,
      items: 3,
      renamed: [{ from: 'Ann', to: 'Ann-2' }],
    });
    await store.db.updateTable('room').set({ name: 'Changed since' }).execute();
    assert.deepEqual(await storeImported(store.db, converted), {
      users: 0,
      rooms: 0,
      members: 0,
      items: 0,
      renamed: [],
    });
    assert.deepEqual(await store.db.selectFrom('room').select('name').execute(), [{ name: 'Changed since' }]);
  });

  test('with any values in its columns is converted or left out, never an error', async () => {
    const random = seeded(20261122);
    const values = [
      null,
      '',
      'x',
      '{',
      '{"movie":3}',
      '[]',
      0,
      1,
      -1,
      2 ** 40,
      1.5,
      new Uint8Array([255, 0]),
      'https://',
      idOf(2),
    ];
    const tables = await readTables();
    for (let i = 0; i < 300; i++) {
      const mangled = names.map((name) => [
        name,
        tables[name].map((row) => {
          const columns = Object.entries(row).map(([column, value]) => [
            column,
            random(10) === 0 ? values[random(values.length)] : value,
          ]);
          return Object.fromEntries(columns);
        }),
      ]);
      const { items, rooms } = convertSyncTv(Object.fromEntries(mangled) as SyncTvTables, options);
      for (const { target } of items) assert.doesNotThrow(() => JSON.parse(target));
      for (const { state } of rooms) assert.doesNotThrow(() => JSON.parse(state));
    }
  });
});
