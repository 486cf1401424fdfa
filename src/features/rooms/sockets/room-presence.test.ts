import assert from 'node:assert/strict';
import { once } from 'node:events';
import { afterEach, beforeEach, mock, suite, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { makeCertificate } from '../../../../test/fixtures/certificate.ts';
import { need } from '../../../../test/fixtures/need.ts';
import { administrator } from '../../../accounts/users/user.ts';
import { ALL_PERMISSIONS } from '../../../api/room/permissions.ts';
import { signedInAs, startTestServer, type TestServer } from '../../../http/fixture.ts';
import { startRoomServer } from '../room-server.fixture.ts';
import { openTestRooms, type TestRooms } from '../rooms.fixture.ts';
import { enterRoom, openRoomClient } from './room-client.fixture.ts';

suite('who is still there', () => {
  let rooms: TestRooms;
  let server: TestServer;
  let room: string;

  beforeEach(async () => {
    rooms = await openTestRooms();
    server = await startRoomServer({ rooms: rooms.rooms });
    room = (await rooms.rooms.create(administrator, {})).state.record.id;
    // The sweep of all connections; sockets continue.
    mock.timers.enable({ apis: ['setInterval'] });
  });
  afterEach(async () => {
    mock.timers.reset();
    await server[Symbol.asyncDispose]();
    await rooms[Symbol.asyncDispose]();
  });
  const seconds = async (count: number) => {
    for (let i = 0; i < count; i++) {
      mock.timers.tick(1000);
      await turn();
    }
  };

  test('a connection is pinged every 25 s; one that does not answer until the next ping is gone', async () => {
    const { headers } = await signedInAs(server, 'guest', 'Awake');
    const awake = await enterRoom(server.url, room, { headers });
    const { headers: others } = await signedInAs(server, 'guest', 'Asleep');
    const asleep = await enterRoom(server.url, room, { headers: others, autoPong: false });
    const pings = Promise.all([awake, asleep].map(({ socket }) => once(socket, 'ping')));
    await seconds(25);
    await pings;
    awake.send({ t: 'clock', c: 1 });
    await awake.next('clock');
    await seconds(25);
    assert.equal(await asleep.ended(), '1006 ');
    assert.equal((await awake.next('left')).t, 'left');
    awake.close();
  });

  test('a connection that says nothing is closed after ten seconds', async () => {
    const { headers } = await signedInAs(server, 'guest');
    const client = await openRoomClient(server.url, room, { headers });
    await seconds(1);
    server.clock.advance(10_001);
    await seconds(1);
    assert.equal((await client.next('bye')).reason, 'misuse');
    assert.equal(await client.ended(), '1008 misuse');
  });

  test('who signs out leaves all rooms within five seconds', async () => {
    const { headers, user } = await signedInAs(server, 'user');
    const client = await enterRoom(server.url, room, { headers });
    const { sessions } = server.deps.access;
    await Promise.all(sessions.of(user.id).map(({ id }) => sessions.remove(id)));
    await seconds(5);
    assert.equal((await client.next('bye')).reason, 'signedOut');
    assert.equal(await client.ended(), '4001 signedOut');
  });

  test('an administrator who is one no longer connects again within five seconds, with the new role', async () => {
    const { headers, user } = await signedInAs(server, 'admin');
    const client = await enterRoom(server.url, room, { headers });
    assert.equal(client.welcome.you.permissions, ALL_PERMISSIONS);
    await server.deps.access.users.change(user.id, { role: 'user' });
    await seconds(5);
    assert.equal((await client.next('bye')).reason, 'overload');
    const again = await enterRoom(server.url, room, { headers });
    assert.notEqual(again.welcome.you.permissions, ALL_PERMISSIONS);
    again.close();
  });
});

test('rooms work over TLS', { skip: need('openssl') }, async () => {
  await using rooms = await openTestRooms();
  await using plain = await startTestServer();
  const certificate = await makeCertificate(plain.folder, 'rooms');
  await using server = await startRoomServer({ rooms: rooms.rooms }, {}, certificate);
  const { id } = (await rooms.rooms.create(administrator, {})).state.record;
  const client = await enterRoom(server.url, id, {
    headers: { authorization: 'Bearer let-me-in-please' },
    origin: server.url,
    rejectUnauthorized: false,
  });
  client.send({ t: 'clock', c: 3 });
  assert.equal((await client.next('clock')).c, 3);
  client.close();
});
