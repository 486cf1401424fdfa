import assert from 'node:assert/strict';
import { test } from 'node:test';
import { usualMasks } from '../../../api/room/permissions.ts';
import { addItems } from '../../../rooms/playlist/edit-playlist.ts';
import { aUser, openTestRooms } from '../../../rooms/rooms.fixture.ts';
import { asAdmin, signedInAs, startTestServer } from '../../fixture.ts';

test('a room is created, filled, played, changed and deleted over the API', async () => {
  await using rooms = await openTestRooms();
  await using server = await startTestServer({ rooms: rooms.rooms });
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
  await using server = await startTestServer({
    rooms: rooms.rooms,
    itemSource: async () => ({ url: address, type: 'file', live: false, subtitles: [] }),
  });
  const owner = aUser('u1');
  const room = await rooms.rooms.create(owner, { options: { masks: { ...usualMasks, guest: 0 } } });
  const link = { target: { kind: 'link', url: address } } as const;
  const [plays, other] = await addItems(room, owner, [link, link], { nowMs: 0 });
  await room.command({ do: 'item', item: plays!.id, rev: room.state.rev }, owner);
  const { headers } = await signedInAs(server, 'guest');
  const statusOf = async (id: string) =>
    (await fetch(`${server.url}/api/v1/rooms/${room.record.id}/items/${id}/source`, { headers })).status;
  assert.deepEqual(await Promise.all([plays!.id, other!.id, 'unknown'].map(statusOf)), [200, 403, 403]);
});
