import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, suite, test } from 'node:test';
import { MAX_CLIENT_MESSAGE } from '../../src/api/room/messages.ts';
import {
  enterRoom,
  openRoomClient,
  refusalOf,
  type TestRoomClient,
} from '../../src/features/rooms/sockets/room-client.fixture.ts';
import { CONTINUATION, FIN, frame, PING, RawRoomClient, RSV1, TEXT } from '../fixtures/rooms/raw-room-client.ts';
import { createRoom, enterAsGuest } from '../fixtures/rooms/rooms.ts';
import { openStallingProxy } from '../fixtures/rooms/stalling-proxy.ts';
import { type Folder, openFolder, type Server, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const adminToken = 'let-me-in-please';
/**
 * Clocks of two processes of one machine: far more than they differ, and far less than the exchanges take
 * together.
 */
const CLOCKS_APART_MS = 1000;
const asAdmin = { authorization: `Bearer ${adminToken}` };

suite('rooms on a bad wire', () => {
  let folder: Folder;
  let server: Server;
  let room: string;
  let calm: TestRoomClient;

  before(async () => {
    folder = await openFolder('room-wire');
    server = await startServer({
      data: join(folder.path, 'data'),
      adminToken,
      args: ['--rooms-message-rate', '100'],
    });
    room = await createRoom(server);
    calm = await enterRoom(server.url, room, { headers: asAdmin });
  });
  after(async () => {
    calm?.socket.terminate();
    await server?.[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  /** The value of a counter with a code, 0 without one. */
  const counted = async (name: string, code: string) => {
    const printed = Buffer.from(await server.bytes('/metrics')).toString();
    return Number(new RegExp(`^${name}\\{(?:code|result)="${code}"\\} (.*)$`, 'm').exec(printed)?.[1] ?? 0);
  };
  /** Does what is refused: it is counted by code, and soon logged. */
  const refuses = async (code: string, act: () => Promise<unknown>, name = 'oxbow_room_refused_total') => {
    const before = await counted(name, code);
    await act();
    await until(`${code} is counted`, async () => (await counted(name, code)) > before);
    await until(`${code} is logged`, () =>
      server.log('warn').some((line) => code in ((line as { refused?: object }).refused ?? {})),
    );
  };
  /** The others notice nothing. */
  const isCalm = async () => {
    calm.send({ t: 'clock', c: 1 });
    await calm.next('clock');
  };

  test('a message in pieces is one message; a ping of 125 bytes between them is answered', async () => {
    using client = await RawRoomClient.open(server.url, room, asAdmin);
    const hello = '{"t":"hello"}';
    const ping = 'p'.repeat(125);
    client.write(frame(TEXT, hello.slice(0, 4)), frame(FIN | PING, ping), frame(CONTINUATION, hello.slice(4, 9)));
    client.write(frame(FIN | CONTINUATION, hello.slice(9)));
    assert.equal(await client.pong(), ping);
    await client.message('welcome');
  });

  for (const [what, code, frames] of [
    ['a frame that says it is compressed', 1002, [frame(FIN | RSV1 | TEXT, '{"t":"clock","c":1}')]],
    ['a ping of 126 bytes', 1002, [frame(FIN | PING, 'p'.repeat(126))]],
    ['a ping in pieces', 1002, [frame(PING, 'p')]],
    ['a frame without a mask', 1002, [frame(FIN | TEXT, '{"t":"clock","c":1}', { isMasked: false })]],
    ['a continuation of nothing', 1002, [frame(FIN | CONTINUATION, 'x')]],
    ['a message that begins within another', 1002, [frame(TEXT, '{'), frame(FIN | TEXT, '}')]],
    ['an unknown opcode', 1002, [frame(FIN | 5, 'x')]],
    [
      'invalid UTF-8, cut in two',
      1007,
      [frame(TEXT, Buffer.from([0x22, 0xe2])), frame(FIN | CONTINUATION, Buffer.from([0x28, 0x22]))],
    ],
    [
      'pieces that are too long together',
      1009,
      [frame(TEXT, 'x'.repeat(MAX_CLIENT_MESSAGE - 1)), frame(FIN | CONTINUATION, 'xx')],
    ],
  ] as const) {
    test(`${what} ends its connection with ${code} and no other; it is counted and logged`, async () => {
      await refuses('bad-frame', async () => {
        using client = await RawRoomClient.open(server.url, room, asAdmin);
        client.write(frame(FIN | TEXT, '{"t":"hello"}'));
        await client.message('welcome');
        client.write(...frames);
        assert.equal(await client.ended(), code);
      });
      await isCalm();
    });
  }

  test('a handshake with too long headers is refused', async () => {
    const { hostname: host, port } = new URL(server.url);
    const socket = connect({ host, port: Number(port) });
    socket.on('error', () => {});
    socket.write(
      `GET /api/v1/rooms/${room}/socket HTTP/1.1\r\nHost: ${host}\r\nCookie: ${'x'.repeat(20_000)}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n`,
    );
    const [answer] = (await once(socket, 'data')) as [Buffer];
    assert.match(String(answer), /^HTTP\/1\.1 431 /);
    socket.destroy();
    await isCalm();
  });

  test('pages of other sites and clients without a name are refused, counted and logged', async () => {
    const origin = 'https://evil.example';
    await refuses('cross-site', () => refusalOf(server.url, room, { headers: { ...asAdmin, origin } }));
    await refuses('unauthorized', () => refusalOf(server.url, room));
    const made = await server.fetch('/api/v1/tokens', {
      method: 'POST',
      headers: { ...asAdmin, 'content-type': 'application/json' },
      body: JSON.stringify({ label: 'reads only', scopes: ['view'] }),
    });
    const { token } = (await made.json()) as { token: string };
    const authorization = `Bearer ${token}`;
    assert.equal(await refusalOf(server.url, room, { headers: { authorization } }), '401 unauthorized');
    await isCalm();
  });

  test('a guest who signs out in another page is disconnected, and the cookie is worth nothing any more', async () => {
    const headers = await enterAsGuest(server.url, 'Guest');
    const client = await enterRoom(server.url, room, { headers });
    const left = calm.next('left', ({ user }) => user === client.welcome.you.user);
    const out = await fetch(`${server.url}/api/v1/sessions/current`, { method: 'DELETE', headers });
    assert.equal(out.status, 204);
    assert.equal(await client.ended(), '4001 signedOut');
    await left;
    assert.equal(await refusalOf(server.url, room, { headers }), '401 unauthorized');
  });

  test('a private address behind the media proxy is refused, counted and logged', async () => {
    let requests = 0;
    const inside = createServer((_, response) => {
      requests++;
      response.end('secret');
    }).listen(0, '127.0.0.1');
    await once(inside, 'listening');
    using closing = new DisposableStack();
    closing.defer(() => inside.close());
    const url = `http://127.0.0.1:${(inside.address() as AddressInfo).port}/film.mp4`;
    const added = await server.fetch(`/api/v1/rooms/${room}/items`, {
      method: 'POST',
      headers: { ...asAdmin, 'content-type': 'application/json' },
      body: JSON.stringify({ items: [{ name: 'Inside', target: { kind: 'link', url, proxy: true } }] }),
    });
    assert.equal(added.status, 201, await added.clone().text());
    const { items } = (await added.json()) as { items: { id: string }[] };
    const source = await server.fetch(`/api/v1/rooms/${room}/items/${items[0]!.id}/source`, { headers: asAdmin });
    const { url: address } = (await source.json()) as { url: string };
    const get = async () => {
      const { status } = await server.fetch(address, { headers: asAdmin });
      assert.equal(status, 403);
    };
    await refuses('address-refused', get, 'oxbow_refused_total');
    await refuses('address-refused', get, 'oxbow_room_media_proxy_requests_total');
    assert.equal(requests, 0);
  });

  test('playback tokens without a signature, and those of another stream, are refused, counted and logged', async () => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const unsigned = `${part({ alg: 'none' })}.${part({ stream: 'demo', exp: 4_000_000_000 })}.`;
    for (const token of [unsigned, 'x'.repeat(40)]) {
      await refuses(
        'watch-refused',
        async () => assert.equal((await fetch(`${server.url}/t/${token}/live/demo/index.m3u8`)).status, 403),
        'oxbow_refused_total',
      );
    }
  });

  test('a room that is deleted while people enter ends all their connections, and leaves none', async () => {
    const doomed = await createRoom(server);
    const clients = await Promise.all(
      Array.from({ length: 8 }, () => openRoomClient(server.url, doomed, { headers: asAdmin })),
    );
    const early = clients.slice(0, 4);
    for (const client of early) client.send({ t: 'hello' });
    const deleted = server.fetch(`/api/v1/rooms/${doomed}`, { method: 'DELETE', headers: asAdmin });
    for (const client of clients.slice(4)) client.send({ t: 'hello' });
    assert.equal((await deleted).status, 204);
    for (const client of clients) assert.equal(await client.ended(), '4004 gone');
    assert.equal(await refusalOrGone(server.url, doomed), '4004 gone');
    assert.deepEqual(server.log('error'), []);
    await isCalm();
  });

  test('a database that is locked for two seconds delays acknowledgements, and loses nothing', async () => {
    const reader = await enterRoom(server.url, room, { headers: await enterAsGuest(server.url, 'Reader') });
    const writer = await enterRoom(server.url, room, { headers: await enterAsGuest(server.url, 'Writer') });
    const db = new DatabaseSync(join(folder.path, 'data', 'oxbow.db'), { timeout: 5000 });
    db.exec('BEGIN IMMEDIATE');
    const acked: string[] = [];
    writer.socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as { t: string; id: string };
      if (message.t === 'ack') acked.push(message.id);
    });
    const ids = Array.from({ length: 20 }, (_, i) => `locked-${String(i).padStart(4, '0')}`);
    for (const id of ids) writer.send({ t: 'chat', id, text: id });
    for (const id of ids) assert.equal((await reader.next('message')).message.text, id, 'everyone has it at once');
    assert.deepEqual(acked, [], 'nothing is stored yet');
    const unlock = setTimeout(() => db.exec('ROLLBACK'), 2000);
    await until('all are acknowledged', () => acked.length === ids.length);
    clearTimeout(unlock);
    db.close();
    const { items } = await server.json<{ items: { id: string }[] }>(`/api/v1/rooms/${room}/messages?limit=100`);
    assert.deepEqual(
      items
        .map(({ id }) => id)
        .filter((id) => id.startsWith('locked-'))
        .sort(),
      ids,
    );
    for (const { socket } of [reader, writer]) socket.terminate();
  });

  test('on a line that loses 2 % and stalls for each, every message comes in order, and the clock is read between request and answer', async () => {
    await using proxy = await openStallingProxy(Number(new URL(server.url).port), 17);
    const headers = await enterAsGuest(proxy.url, 'Far away');
    const far = await enterRoom(proxy.url, room, { headers });
    for (let i = 0; i < 120; i++) {
      calm.send({ t: 'chat', id: `far-${String(i).padStart(6, '0')}`, text: `number ${i}` });
      far.send({ t: 'clock', c: performance.now() });
      const { c, serverMs } = await far.next('clock');
      // The clock of the server showed `serverMs` between request and answer; src/lib/clock.test.ts shows how
      // exact it is.
      const [requestedMs, answeredMs] = [c, performance.now()].map((ms) => performance.timeOrigin + ms) as [
        number,
        number,
      ];
      assert.ok(serverMs > requestedMs - CLOCKS_APART_MS, `${requestedMs - serverMs} ms before the request`);
      assert.ok(serverMs < answeredMs + CLOCKS_APART_MS, `${serverMs - answeredMs} ms after the answer`);
    }
    assert.ok(proxy.stalls >= 3, `${proxy.stalls} stalls`);
    far.send({ t: 'hello' });
    const again = await enterRoom(proxy.url, room, { headers });
    const texts = again.welcome.messages.map(({ text }) => text).filter((text) => text.startsWith('number'));
    assert.deepEqual(
      texts,
      Array.from({ length: texts.length }, (_, i) => `number ${120 - texts.length + i}`),
    );
    for (const { socket } of [far, again]) socket.terminate();
  });
});

/** How a client is notified that a room is gone. */
async function refusalOrGone(url: string, room: string): Promise<string> {
  const client = await openRoomClient(url, room, { headers: asAdmin });
  client.send({ t: 'hello' });
  return client.ended();
}
