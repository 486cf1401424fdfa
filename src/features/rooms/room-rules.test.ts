import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { asAdmin, signedInAs, type TestServer } from '../../http/fixture.ts';
import { rooms as feature } from './feature.ts';
import { createFramedConnections } from './live/framed-connections.ts';
import type { Room } from './room.ts';
import { RoomRules } from './room-rules.ts';
import { startRoomServer } from './room-server.fixture.ts';
import { aConnection, aUser, openTestRooms, type TestRooms } from './rooms.fixture.ts';
import { openRoomClient } from './sockets/room-client.fixture.ts';

const near = { 'x-forwarded-for': '203.0.113.7' };
const far = { 'x-forwarded-for': '198.51.100.1' };
const german = { ...far, 'cf-ipcountry': 'DE' };
const watchRules = { allow: ['203.0.113.0/24', 'de'], deny: ['203.0.113.66'] };

/** Bodies and queries of the routes of rooms that need one. */
const samples: Readonly<Record<string, object>> = {
  'PATCH /api/v1/rooms/:id': {},
  'POST /api/v1/rooms/:id/join': {},
  'PATCH /api/v1/rooms/:id/members/:user': {},
  'POST /api/v1/rooms/:id/items': { items: [{ target: { kind: 'folder' }, name: 'Season 1' }] },
  'PATCH /api/v1/rooms/:id/items/:item': {},
  'POST /api/v1/rooms/:id/items/move': { items: ['x'], parent: null, before: null },
  'POST /api/v1/rooms/:id/commands': { do: 'pause', rev: 0 },
  'POST /api/v1/rooms/:id/polls': { question: 'Which?', choices: ['a', 'b'] },
};
const queries: Readonly<Record<string, string>> = {
  'GET /api/v1/rooms/:id/replay': '?item=x&from=0&to=1',
};
/** What a person may do from everywhere: look at the room from outside, change it, leave it. */
const fromEverywhere = new Set([
  'GET /api/v1/rooms/:id',
  'PATCH /api/v1/rooms/:id',
  'DELETE /api/v1/rooms/:id',
  'GET /api/v1/rooms/:id/access',
  'POST /api/v1/rooms/:id/leave',
]);

suite('a room with rules by network and country', () => {
  let rooms: TestRooms;
  let server: TestServer;
  let room: Room;
  let path: string;
  let owner: Record<string, string>;
  let byDefault: { allow: string[]; deny: string[] } = { allow: [], deny: [] };

  before(async () => {
    const countries = { revision: 1, find: (address: string) => (address === '192.0.2.50' ? 'DE' : undefined) };
    rooms = await openTestRooms({
      createConnections: () => createFramedConnections(() => {}),
      rules: new RoomRules(() => byDefault, countries),
    });
    server = await startRoomServer({ rooms: rooms.rooms }, { countryHeader: 'cf-ipcountry', countries });
    const { user, headers } = await signedInAs(server, 'user', 'Owner');
    owner = { ...headers, origin: server.url };
    room = await rooms.rooms.create(user, { name: 'Den', watchRules });
    path = `/api/v1/rooms/${room.state.record.id}`;
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
    await rooms?.[Symbol.asyncDispose]();
  });

  async function ask(method: string, target: string, client: Readonly<Record<string, string>>, body?: object) {
    const answer = await fetch(`${server.url}${target}`, {
      method,
      headers: { ...owner, ...client, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    const json = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
    return { status: answer.status, code: json.code as string | undefined, json };
  }

  test('every route about what is in it is refused where the rules refuse, for its owner too', async () => {
    const routes = feature.routes.filter((route) => route.path.startsWith('/api/v1/rooms/:id'));
    assert.ok(routes.length > 20);
    for (const { method, path: pattern } of routes) {
      const name = `${method} ${pattern}`;
      if (name === 'DELETE /api/v1/rooms/:id') continue;
      const target = pattern.replace('/api/v1/rooms/:id', path).replace(/:\w+/g, 'x') + (queries[name] ?? '');
      const { status, code } = await ask(method, target, far, samples[name]);
      if (fromEverywhere.has(name)) assert.notEqual(code, 'watch-denied-here', name);
      else assert.deepEqual([status, code], [403, 'watch-denied-here'], name);
      // The same request is not refused by them from elsewhere.
      if (name.endsWith('/leave')) continue;
      assert.notEqual((await ask(method, target, german, samples[name])).code, 'watch-denied-here', name);
    }
  });

  test('media from elsewhere and offers of calls are refused there', async () => {
    for (const [method, rest] of [
      ['GET', '/media/token/film.m3u8'],
      ['DELETE', '/call/p1'],
    ] as const) {
      assert.equal((await ask(method, path + rest, far)).code, 'watch-denied-here', rest);
      assert.notEqual((await ask(method, path + rest, near)).code, 'watch-denied-here', rest);
    }
  });

  test('its WebSocket ends with `not-here` where the rules refuse, for administrators too', async () => {
    const enter = async (client: Readonly<Record<string, string>>, credentials: Record<string, string> = owner) => {
      const socket = await openRoomClient(server.url, room.state.record.id, { headers: { ...credentials, ...client } });
      socket.send({ t: 'hello' });
      return socket;
    };
    for (const client of [
      far,
      { ...german, 'x-forwarded-for': '203.0.113.66' },
      { ...far, 'cf-ipcountry': 'AT' },
      {},
    ]) {
      const socket = await enter(client);
      assert.match((await socket.next('bye')).detail, /^This room may not be entered from /);
      assert.equal(await socket.ended(), '4013 not-here');
    }
    const admin = await enter(far, { ...asAdmin });
    assert.equal(await admin.ended(), '4013 not-here');
    const byFile = { 'x-forwarded-for': '192.0.2.50' };
    for (const client of [near, german, byFile]) {
      const socket = await enter(client);
      await socket.next('welcome');
      socket.close();
      await socket.ended();
    }
  });

  test('from outside the room is shown without what plays where it may not be entered', async () => {
    assert.equal((await ask('GET', path, far)).json.playingHidden, true);
    assert.equal((await ask('GET', path, near)).json.playingHidden, false);
    const listed = async (client: Readonly<Record<string, string>>) => {
      const { items } = (await ask('GET', '/api/v1/rooms?scope=mine', client)).json as {
        items: { playingHidden: boolean }[];
      };
      return items.map(({ playingHidden }) => playingHidden);
    };
    assert.deepEqual([await listed(far), await listed(near)], [[true], [false]]);
    const text = JSON.stringify((await ask('GET', path, near)).json);
    assert.doesNotMatch(text, /203\.0\.113/, 'people do not see the rules');
  });

  test('those who may change it see what the rules decide, and change them from everywhere', async () => {
    const { json } = await ask('GET', `${path}/access?address=203.0.113.66&country=de`, far);
    assert.deepEqual(json, {
      origin: 'room',
      rules: { allow: ['203.0.113.0/24', 'DE'], deny: ['203.0.113.66'] },
      verdict: { isAllowed: false, address: '203.0.113.66', country: 'DE', entry: '203.0.113.66' },
    });
    const byFile = await ask('GET', `${path}/access?address=192.0.2.50`, far);
    assert.equal((byFile.json.verdict as { entry: string }).entry, 'DE');
    assert.equal((await ask('GET', `${path}/access?country=DE`, far)).code, 'bad-request');
    const { headers } = await signedInAs(server, 'user', 'Other');
    assert.equal((await ask('GET', `${path}/access`, { ...headers, ...near })).code, 'room-forbidden');
    assert.equal((await ask('PATCH', path, far, { watchRules: { allow: ['UK'] } })).code, 'bad-request');
    assert.equal((await ask('PATCH', path, far, { watchRules: null })).status, 200);
    assert.equal((await ask('GET', `${path}/state`, far)).status, 200);
    byDefault = { allow: [], deny: ['198.51.100.0/24'] };
    assert.equal((await ask('GET', `${path}/state`, far)).code, 'watch-denied-here');
    assert.equal((await ask('GET', `${path}/access`, far)).json.origin, 'default');
    byDefault = { allow: [], deny: [] };
    assert.equal((await ask('PATCH', path, far, { watchRules })).status, 200);
  });
});

test('rules are stored with the room; a change disconnects those that may not be there any more, and no one else', async () => {
  await using rig = await openTestRooms();
  const room = await rig.rooms.create(aUser('u1'), { name: 'Den' });
  const { id } = room.state.record;
  const people = [
    aConnection(aUser('u1'), '203.0.113.7'),
    aConnection(aUser('u2'), '198.51.100.1'),
    { ...aConnection(aUser('u3')), from: { address: '198.51.100.2', country: 'DE' } },
  ];
  for (const connection of people) room.enter(connection);
  await room.changes.record((record) => ({ ...record, watchRules: { allow: ['203.0.113.0/24', 'DE'], deny: [] } }));
  rig.clock.advance(1100);
  room.tick();
  assert.deepEqual(
    people.map(({ closed }) => closed),
    [[], ['not-here'], []],
  );
  assert.equal(room.state.participants.size, 2);
  const again = await (await rig.restart()).get(id);
  assert.deepEqual(again.state.record.watchRules, { allow: ['203.0.113.0/24', 'DE'], deny: [] });
  assert.throws(() => again.enter(aConnection(aUser('u2'), '198.51.100.1')), { code: 'watch-denied-here' });
  await again.changes.record((record) => ({ ...record, watchRules: null }));
  again.enter(aConnection(aUser('u2'), '198.51.100.1'));
});
