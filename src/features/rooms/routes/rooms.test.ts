import assert from 'node:assert/strict';
import { test } from 'node:test';
import { usualMasks } from '../../../api/room/permissions.ts';
import type { RoomView } from '../../../api/room/room-shapes.ts';
import { asAdmin, signedInAs } from '../../../http/fixture.ts';
import type { RoomFields } from '../edit-room.ts';
import { addItems } from '../playlist/edit-playlist.ts';
import { startRoomServer } from '../room-server.fixture.ts';
import { aConnection, aUser, openTestRooms } from '../rooms.fixture.ts';

test('a room is created, filled, played, changed and deleted over the API', async () => {
  await using rooms = await openTestRooms();
  await using server = await startRoomServer({ rooms: rooms.rooms });
  const ask = async (method: string, path: string, body?: unknown) => {
    const reply = await fetch(`${server.url}/api/v1/rooms${path}`, {
      method,
      headers: { ...asAdmin, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await reply.text();
    return { status: reply.status, body: text === '' ? undefined : JSON.parse(text) };
  };
  const made = await ask('POST', '', {
    name: ' Film\u202e night ',
    visibility: 'public',
    options: { waitForSlow: true },
  });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  assert.equal(made.body.name, 'Film night');
  assert.equal(made.body.options.waitForSlow, true);
  const room = `/${made.body.id}`;
  assert.match(room, /^\/[A-Za-z0-9]{10}$/);
  assert.deepEqual(
    (await ask('GET', '?search=night')).body.items.map(({ id }: { id: string }) => id),
    [made.body.id],
  );
  assert.equal((await ask('GET', '?scope=mine')).body.items.length, 1);

  const items = [
    { target: { kind: 'folder' }, name: 'Season 1' },
    { target: { kind: 'link', url: 'https://elsewhere.example/film.mp4' } },
    { target: { kind: 'asset', asset: 'a1' } },
  ];
  const added = await ask('POST', `${room}/items`, { items });
  assert.equal(added.status, 201, JSON.stringify(added.body));
  const [folder, link, asset] = added.body.items;
  assert.deepEqual([link.name, asset.name, asset.address], ['Film', 'Film', '/asset/a1/index.m3u8']);
  const moved = await ask('PATCH', `${room}/items/${asset.id}`, { parent: folder.id, name: 'Pilot' });
  assert.deepEqual([moved.body.parent, moved.body.name], [folder.id, 'Pilot']);
  assert.equal(
    (await ask('POST', `${room}/items`, { items: [{ target: { kind: 'link', url: 'file:///etc/passwd' } }] })).status,
    400,
  );

  const { state } = (await ask('GET', `${room}/state`)).body;
  const played = await ask('POST', `${room}/commands`, { do: 'item', item: asset.id, rev: state.rev });
  assert.equal(played.status, 200, JSON.stringify(played.body));
  assert.equal(played.body.state.playing, true);
  const stale = await ask('POST', `${room}/commands`, { do: 'seek', positionMs: 1, rev: state.rev });
  assert.deepEqual([stale.status, stale.body.code], [409, 'state-stale']);
  assert.equal((await ask('GET', room)).body.playing, 'Pilot');

  assert.equal((await ask('PATCH', room, { name: 'Other', password: 'tea', capacity: 3 })).body.hasPassword, true);
  assert.equal((await ask('GET', `${room}/members`)).body.items[0].role, 'owner');
  assert.equal((await ask('DELETE', `${room}/items`)).status, 204);
  assert.equal((await ask('GET', `${room}/state`)).body.state.item, null);
  assert.equal((await ask('DELETE', room)).status, 204);
  assert.equal((await ask('GET', room)).status, 404);
});

test('who may not see the playlist gets where the entry that plays comes from, and nothing of the others', async () => {
  await using rooms = await openTestRooms();
  const address = 'https://elsewhere.example/film.mp4';
  await using server = await startRoomServer({
    rooms: rooms.rooms,
    itemSource: async () => ({ url: address, type: 'file', live: false, subtitles: [] }),
  });
  const owner = aUser('u1');
  const room = await rooms.rooms.create(owner, { options: { masks: { ...usualMasks, guest: 0 } } });
  const link = { target: { kind: 'link', url: address } } as const;
  const [plays, other] = await addItems(room, owner, [link, link], { nowMs: 0 });
  await room.state.command({ do: 'item', item: plays!.id, rev: room.state.playback.state.rev }, owner);
  const { headers } = await signedInAs(server, 'guest');
  const statusOf = async (id: string) =>
    (await fetch(`${server.url}/api/v1/rooms/${room.state.record.id}/items/${id}/source`, { headers })).status;
  assert.deepEqual(await Promise.all([plays!.id, other!.id, 'unknown'].map(statusOf)), [200, 403, 403]);
});

test('what plays in a room is shown to people who may enter it: not before its password, approval or account', async () => {
  await using rooms = await openTestRooms();
  await using server = await startRoomServer({ rooms: rooms.rooms });
  const owner = aUser('u1');
  const entry = { target: { kind: 'stream', stream: 'door' } } as const;
  const makeRoom = async (name: string, fields: RoomFields) => {
    const room = await rooms.rooms.create(owner, { name, visibility: 'public', ...fields });
    const [item] = await addItems(room, owner, [entry], { nowMs: 0 });
    await room.state.command({ do: 'item', item: item!.id, rev: room.state.playback.state.rev }, owner);
    room.enter(aConnection(owner)).leave();
    return room.state.record.id;
  };
  const password = await makeRoom('password', { password: 'tea' });
  const ids = [
    await makeRoom('open', {}),
    password,
    await makeRoom('approve', { options: { approve: true } }),
    await makeRoom('accounts', { options: { guests: false } }),
  ];
  const [guest, user] = [await signedInAs(server, 'guest'), await signedInAs(server, 'user')];
  /** Names of the rooms that show what plays; in the list as in the room itself. */
  const seen = async (headers: Record<string, string>) => {
    const read = async (path: string) => (await fetch(`${server.url}/api/v1/rooms${path}`, { headers })).json();
    const listed = ((await read('')) as { items: RoomView[] }).items.sort((a, b) => a.name.localeCompare(b.name));
    for (const one of listed) {
      const isShown = one.playing === 'Film' && one.still !== null && !one.playingHidden;
      assert.ok(isShown || (one.playing === null && one.still === null && one.playingHidden), one.name);
      assert.deepEqual(await read(`/${one.id}`), one);
    }
    assert.equal(listed.length, 4);
    assert.equal(listed.find(({ id }) => id === password)?.hasPassword, true);
    return listed.filter(({ playing }) => playing !== null).map(({ name }) => name);
  };
  const join = (headers: Record<string, string>, body: object) =>
    fetch(`${server.url}/api/v1/rooms/${password}/join`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const check = async (joined: readonly string[]) => {
    assert.deepEqual(await seen({}), ['open']);
    assert.deepEqual(await seen(guest.headers), ['open', ...joined]);
    assert.deepEqual(await seen(user.headers), ['accounts', 'open']);
    assert.deepEqual(await seen(asAdmin), ['accounts', 'approve', 'open', 'password']);
  };
  await check([]);
  assert.equal((await join(user.headers, { password: 'coffee' })).status, 403);
  assert.equal((await join(guest.headers, { password: 'tea' })).status, 200);
  await check(['password']);
  rooms.clock.advance(121_000);
  rooms.rooms.tick(); // closes them: now the rows of the store are read
  assert.deepEqual(
    ids.map((id) => rooms.rooms.find(id)),
    ids.map(() => undefined),
  );
  const listed = await fetch(`${server.url}/api/v1/rooms`, { headers: guest.headers });
  const { items } = (await listed.json()) as { items: RoomView[] };
  assert.deepEqual(
    items
      .filter(({ still }) => still !== null)
      .map(({ name }) => name)
      .sort(),
    ['open', 'password'],
  );
});

test('a moderator sees who has left a room, and bans them; others do not see them', async () => {
  await using rooms = await openTestRooms();
  await using server = await startRoomServer({ rooms: rooms.rooms });
  const owner = aUser('u1');
  const room = await rooms.rooms.create(owner, { name: 'Room' });
  const [ann, ben] = [await signedInAs(server, 'user', 'ann'), await signedInAs(server, 'user', 'ben')];
  const send = async (who: Readonly<Record<string, string>>, method: string, path: string, body?: unknown) => {
    const reply = await fetch(`${server.url}/api/v1/rooms/${room.state.record.id}${path}`, {
      method,
      headers: { ...who, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { status: reply.status, text: await reply.text() };
  };
  const names = async (who: Readonly<Record<string, string>>): Promise<string[]> =>
    JSON.parse((await send(who, 'GET', '/members')).text).items.map(({ name }: { name: string }) => name);
  await send(ann.headers, 'POST', '/join', {});
  await send(ben.headers, 'POST', '/join', {});
  assert.equal((await send(ann.headers, 'POST', '/leave')).status, 204);
  assert.deepEqual([(await names(asAdmin)).includes('ann'), (await names(ben.headers)).includes('ann')], [true, false]);
  const banned = await send(asAdmin, 'PATCH', `/members/${ann.user.id}`, { state: 'banned' });
  assert.equal(banned.status, 200, banned.text);
  assert.match((await send(ann.headers, 'POST', '/join', {})).text, /room-banned/);
});
