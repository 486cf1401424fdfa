/** Waits for wall time: a refusal is logged some turns after its answer over a real socket. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, suite, test } from 'node:test';
import { until } from '../../../../test/fixtures/wait.ts';
import { policies } from '../../../accounts/rate-limit.ts';
import { administrator } from '../../../accounts/users/user.ts';
import { asAdmin, type TestServer } from '../../../http/fixture.ts';
import { createFramedConnections } from '../live/framed-connections.ts';
import { startRoomServer } from '../room-server.fixture.ts';
import { openTestRooms, type TestRooms } from '../rooms.fixture.ts';
import { messageRates, misuseRate } from './message-limits.ts';
import { enterRoom, openRoomClient, refusalOf } from './room-client.fixture.ts';

const headers = asAdmin;

suite('the WebSocket of a room', () => {
  let rooms: TestRooms;
  let server: TestServer;
  let room: string;
  const limits = { connections: 100, connectionsPerUser: 100, messageRate: 1 };

  before(async () => {
    rooms = await openTestRooms({ createConnections: () => createFramedConnections(() => {}) });
    server = await startRoomServer({ rooms: rooms.rooms, socketLimits: () => limits });
    room = (await rooms.rooms.create(administrator, { name: 'Friday' })).state.record.id;
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await rooms[Symbol.asyncDispose]();
  });

  test('a client says hello, is welcomed, and from then on gets what everyone gets', async () => {
    const first = await enterRoom(server.url, room, { headers });
    assert.equal(first.welcome.you.user, 'admin');
    assert.equal(first.welcome.room.name, 'Friday');
    const second = await enterRoom(server.url, room, { headers });
    assert.equal((await first.next('member', ({ member }) => member.present === 2)).member.user, 'admin');
    second.send({ t: 'chat', id: 'message-1', text: 'hello' });
    assert.equal((await first.next('message')).message.text, 'hello');
    assert.equal((await second.next('ack')).id, 'message-1');
    second.close();
    await first.next('member', ({ member }) => member.present === 1);
    first.close();
    assert.equal(await first.ended(), '1005 ');
  });

  test('the time of the server comes back at once, with what the client sent', async () => {
    const client = await enterRoom(server.url, room, { headers });
    client.send({ t: 'clock', c: 17.25 });
    assert.deepEqual(await client.next('clock'), { t: 'clock', c: 17.25, serverMs: server.clock.nowMs() });
    client.close();
  });

  test('anonymous clients, unknown tokens, other host names and pages of other sites are refused before the upgrade', async () => {
    assert.equal(await refusalOf(server.url, room), '401 unauthorized');
    assert.equal(
      await refusalOf(server.url, room, { headers: { authorization: 'Bearer nonsense' } }),
      '401 unauthorized',
    );
    assert.equal(
      await refusalOf(server.url, room, { headers: { ...headers, host: 'rebound.example' } }),
      '421 host-refused',
    );
    assert.equal(await refusalOf(server.url, room, { headers, origin: 'https://evil.example' }), '403 cross-site');
    const client = await enterRoom(server.url, room, { headers, origin: server.url });
    client.close();
  });

  test('a room that does not exist, and a person who is not let in, learn it from the close code', async () => {
    const lost = await openRoomClient(server.url, 'nowhere', { headers });
    lost.send({ t: 'hello' });
    assert.equal((await lost.next('bye')).reason, 'gone');
    assert.equal(await lost.ended(), '4004 gone');
  });

  test('a message that is none is refused with its id, and the connection stays', async () => {
    const client = await enterRoom(server.url, room, { headers });
    for (const [text, id] of [
      ['{', undefined],
      ['"hello"', undefined],
      ['{"t":"shout"}', undefined],
      ['{"t":"chat","id":"message-1","text":""}', 'message-1'],
      ['{"t":"command","id":"command-1","rev":-1,"do":"play"}', 'command-1'],
      ['{"t":"state","state":{"rev":99}}', undefined],
    ] as const) {
      client.socket.send(text);
      const refused = await client.next('refused');
      assert.deepEqual([refused.code, refused.id], ['bad-message', id], text);
    }
    client.send({ t: 'clock', c: 1 });
    await client.next('clock');
    client.close();
  });

  test('the first message is hello', async () => {
    const client = await openRoomClient(server.url, room, { headers });
    client.send({ t: 'chat', id: 'message-1', text: 'let me in' });
    assert.equal((await client.next('refused')).code, 'bad-message');
    client.close();
  });

  test('a flood is refused, then the connection ends with 1008; others continue', async () => {
    const calm = await enterRoom(server.url, room, { headers });
    const client = await enterRoom(server.url, room, { headers });
    const sent = messageRates.react.burst + misuseRate.burst + 1;
    for (let i = 0; i < sent; i++) client.send({ t: 'react', seq: 1, emoji: '🎉', on: true });
    const refused = await client.next('refused');
    assert.equal(refused.code, 'too-many-requests');
    assert.ok(refused.retryAfterMs! > 0);
    assert.equal(await client.ended(), '1008 misuse');
    calm.send({ t: 'clock', c: 2 });
    await calm.next('clock');
    calm.close();
  });

  test('binary messages, too long ones and invalid UTF-8 end the connection', async () => {
    for (const [data, isBinary, code] of [
      [Buffer.from('{"t":"clock","c":1}'), true, '1008 misuse'],
      [Buffer.alloc(1_000_000, 'x'), false, '1009 '],
      [Buffer.from([0x22, 0xff, 0x22]), false, '1007 '],
    ] as const) {
      const client = await enterRoom(server.url, room, { headers });
      client.socket.send(data, { binary: isBinary });
      assert.equal(await client.ended(), code);
    }
  });

  test('a member who leaves without a word is gone for the others', async () => {
    // The clock of this test does not move by itself: all that came and went before is one window.
    rooms.clock.advance(1000);
    rooms.rooms.tick();
    rooms.clock.advance(1000);
    const first = await enterRoom(server.url, room, { headers });
    const second = await enterRoom(server.url, room, { headers });
    await first.next('member', ({ member }) => member.present === 2);
    second.socket.terminate();
    await first.next('member', ({ member }) => member.present === 1);
    first.close();
  });

  test('the connections of a person and of the server are bounded', async () => {
    const client = await enterRoom(server.url, room, { headers });
    Object.assign(limits, { connectionsPerUser: 1 });
    assert.equal(await refusalOf(server.url, room, { headers }), '409 limit-reached');
    Object.assign(limits, { connectionsPerUser: 100, connections: 1 });
    assert.equal(await refusalOf(server.url, room, { headers }), '503 busy');
    Object.assign(limits, { connections: 100 });
    client.close();
  });

  test('what was refused is counted, and logged at most once a second', async () => {
    server.logged.length = 0;
    const client = await enterRoom(server.url, room, { headers });
    for (let i = 0; i < 5; i++) client.socket.send('{');
    for (let i = 0; i < 5; i++) await client.next('refused');
    client.close();
    const text = await (await fetch(`${server.url}/metrics`, { headers })).text();
    assert.match(text, /oxbow_room_refused_total\{code="bad-message"\} [1-9]/);
    assert.match(text, /oxbow_room_messages_in_total\{type="hello"\} [1-9]/);
    const lines = server.logged.filter((line) => line.includes('rooms refused'));
    assert.ok(lines.length <= 1, lines.join(''));
  });

  test('thousands of connections from one address in a minute are refused, counted and logged; other addresses are not', async () => {
    server.logged.length = 0;
    const address = '203.0.113.7';
    for (let i = 0; i < policies.rooms.turns; i++) server.deps.limits.take('rooms', { address, isLocal: false });
    // As a proxy on this computer passes on who connects.
    const from = (client: string) => ({ headers: { ...headers, 'x-forwarded-for': client } });
    assert.equal(await refusalOf(server.url, room, from(address)), '429 too-many-requests');
    (await enterRoom(server.url, room, from('203.0.113.8'))).close();
    const text = await server.deps.metrics.print();
    assert.match(text, /oxbow_room_refused_total\{code="too-many-requests"\} [1-9]/);
    await until('it is logged', () => server.logged.some((line) => line.includes('"too-many-requests":')));
  });

  test('an address of a room without the id or with more behind it is not upgraded', async () => {
    for (const path of ['/api/v1/rooms/socket', `/api/v1/rooms/${room}/socket/x`]) {
      const response = await fetch(server.url + path, { headers });
      assert.equal(response.status, 404, path);
    }
  });

  test('garbage after the handshake ends the connection', async () => {
    const { port } = new URL(server.url);
    const socket = connect({ host: '127.0.0.1', port: Number(port) });
    socket.write(
      `GET /api/v1/rooms/${room}/socket HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: ${headers.authorization}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
    );
    const [answer] = (await once(socket, 'data')) as [Buffer];
    assert.match(String(answer), /^HTTP\/1.1 101 /);
    socket.write('\xff\xff\xff not a frame');
    socket.resume();
    await once(socket, 'close');
  });
});

test('when oxbow stops, everyone gets a reason to come back', async () => {
  await using rooms = await openTestRooms();
  await using server = await startRoomServer({ rooms: rooms.rooms });
  const { id } = (await rooms.rooms.create(administrator, {})).state.record;
  const client = await enterRoom(server.url, id, { headers });
  const closing = server.close();
  assert.equal((await client.next('bye')).reason, 'stopping');
  assert.equal(await client.ended(), '1001 stopping');
  await closing;
});
