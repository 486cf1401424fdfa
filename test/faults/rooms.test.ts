import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { MAX_LISTED } from '../../src/api/room/limits.ts';
import type { ServerMessage } from '../../src/api/room/messages.ts';
import { enterRoom, openRoomClient, refusalOf } from '../../src/features/rooms/sockets/room-client.fixture.ts';
import { freePort } from '../fixtures/free-port.ts';
import { createRoom, enterAsGuest, LastingMember } from '../fixtures/rooms/rooms.ts';
import { type Folder, openFolder, type Server, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest, perTier } from '../full.ts';

const adminToken = 'let-me-in-please';
const CROWD = perTier({ first: 200, full: 1000 });

suite('rooms of a running server', () => {
  let folder: Folder;
  let server: Server;
  let room: string;
  let http: string;
  const start = () =>
    startServer({
      data: join(folder.path, 'data'),
      adminToken,
      http,
      // A stalled client needs megabytes: more than people write.
      args: ['--rooms-message-rate', '1000', '--rooms-capacity', String(2 * CROWD)],
    });
  const metric = async (name: string) =>
    Number(new RegExp(`^${name} (.*)$`, 'm').exec(Buffer.from(await server.bytes('/metrics')).toString())?.[1] ?? 0);

  before(async () => {
    folder = await openFolder('rooms');
    http = `127.0.0.1:${await freePort()}`;
    server = await start();
    room = await createRoom(server);
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  suite(`${CROWD} people who enter at once`, () => {
    let sessions: readonly Record<string, string>[];
    before(async () => {
      sessions = await Promise.all(Array.from({ length: CROWD }, (_, i) => enterAsGuest(server.url, `Guest ${i}`)));
    });
    const gone = () => until('all have left', async () => (await metric('oxbow_room_connections')) === 0);

    test('are all welcomed in one room, each with a bounded number of bytes; a member gets messages meanwhile', async () => {
      const crowd = await createRoom(server);
      const member = await enterRoom(server.url, crowd, { headers: { authorization: `Bearer ${adminToken}` } });
      let bytes = 0;
      let present = 1;
      member.socket.on('message', (data: Buffer) => {
        bytes += data.length;
        const message = JSON.parse(String(data)) as ServerMessage;
        if (message.t === 'room') present = message.room.present;
      });
      const joiners = sessions.map((headers) => new Joiner(server.url, crowd, headers));
      using opened = new DisposableStack();
      for (const { socket } of [...joiners, member]) opened.defer(() => socket.terminate());
      let written = 0;
      const all = Promise.all(joiners.map(({ welcomed }) => welcomed));
      // Each message goes to all who are in: without a pause, this process would do nothing else but read
      // them.
      while ((await Promise.race([all, sleep(50)])) === undefined) {
        member.send({ t: 'chat', id: `meanwhile-${written}`, text: `number ${written}` });
        assert.equal((await member.next('message')).message.text, `number ${written++}`);
      }
      await until('the member sees how many are there', () => present === CROWD + 1);
      const chat = written * 300;
      for (const each of [...joiners.map((one) => one.bytes), bytes]) {
        assert.ok(each < 2 * MAX_LISTED * 200 + chat, `${each} bytes; ${written} messages`);
      }
      opened.dispose();
      await gone();
    });

    fullTest('are all welcomed in 100 rooms', async () => {
      const rooms = await Promise.all(Array.from({ length: 100 }, () => createRoom(server)));
      const joiners = sessions.map((headers, i) => new Joiner(server.url, rooms[i % rooms.length]!, headers));
      await Promise.all(joiners.map(({ welcomed }) => welcomed));
      for (const { socket } of joiners) socket.terminate();
      await gone();
    });
  });

  test('forged senders, commands of the server, stale and malformed commands are refused; the room stays as it was', async () => {
    const admin = await enterRoom(server.url, room, { headers: { authorization: `Bearer ${adminToken}` } });
    const headers = await enterAsGuest(server.url, 'Mallory');
    const guest = await enterRoom(server.url, room, { headers });
    const { rev } = guest.welcome.state;
    const forged = [
      { t: 'chat', id: 'message-2', text: 'I am the admin', author: 'admin' },
      { t: 'state', state: { rev: 99 } },
      { t: 'welcome' },
      { t: 'command', id: 'command-1', rev: rev + 7, do: 'play' },
      { t: 'command', id: 'command-2', rev: 1e300, do: 'seek', positionMs: Number.MAX_VALUE },
      { t: 'command', id: 'command-3', rev, do: 'explode' },
      { t: 'delete', seq: 1 },
    ];
    for (const message of forged) {
      guest.socket.send(JSON.stringify(message));
      assert.ok((await guest.next('refused')).code, JSON.stringify(message));
    }
    guest.send({ t: 'chat', id: 'message-3', text: 'as myself' });
    const { message } = await admin.next('message');
    assert.deepEqual([message.name, message.author, message.text], ['Mallory', guest.welcome.you.user, 'as myself']);
    const again = await enterRoom(server.url, room, { headers });
    assert.equal(again.welcome.state.rev, rev);
    for (const { socket } of [admin, guest, again]) socket.terminate();
  });

  test('a page of another site cannot use the cookie of a guest, and no connection is without a name', async () => {
    const headers = await enterAsGuest(server.url, 'Victim');
    const evil = { ...headers, origin: 'https://evil.example' };
    assert.equal(await refusalOf(server.url, room, { headers: evil }), '403 cross-site');
    assert.equal(await refusalOf(server.url, room, { headers: { cookie: headers.cookie! } }), '403 cross-site');
    assert.equal(await refusalOf(server.url, room), '401 unauthorized');
  });

  fullTest('a message of 1 MB ends its connection and no other', async () => {
    const calm = await enterRoom(server.url, room, { headers: await enterAsGuest(server.url, 'Calm') });
    const loud = await enterRoom(server.url, room, { headers: await enterAsGuest(server.url, 'Loud') });
    loud.socket.send(JSON.stringify({ t: 'chat', id: 'message-4', text: 'x'.repeat(1_000_000) }));
    assert.equal(await loud.ended(), '1009 ');
    calm.send({ t: 'clock', c: 1 });
    await calm.next('clock');
    calm.close();
  });

  fullTest('a member who stops reading is disconnected; the others get every message in order', async () => {
    const headers = await enterAsGuest(server.url, 'Stalled');
    const { hostname: host, port } = new URL(server.url);
    const stalled = connect({ host, port: Number(port) });
    const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    stalled.write(
      `GET /api/v1/rooms/${room}/socket HTTP/1.1\r\nHost: ${host}:${port}\r\n${fields.join('')}Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
    );
    await once(stalled, 'data');
    stalled.write(Buffer.concat([Buffer.from([0x81, 0x80 | 13, 0, 0, 0, 0]), Buffer.from('{"t":"hello"}')]));
    await once(stalled, 'data');
    stalled.pause();
    const [writer, reader] = await Promise.all(
      ['Writer', 'Reader'].map(async (name) =>
        enterRoom(server.url, room, { headers: await enterAsGuest(server.url, name) }),
      ),
    );
    let next = 0;
    await until('it is disconnected', async () => {
      for (let i = 0; i < 100; i++, next++) {
        writer!.send({ t: 'chat', id: `flood-${String(next).padStart(6, '0')}`, text: `${next} ${'x'.repeat(1900)}` });
      }
      for (let i = next - 100; i < next; i++) {
        assert.equal(Number.parseInt((await reader!.next('message')).message.text, 10), i);
      }
      return (await metric('oxbow_room_slow_clients_total')) === 1;
    });
    stalled.destroy();
    for (const { socket } of [writer!, reader!]) socket.terminate();
  });

  fullTest('a flood of what is refused ends the connection', async () => {
    const client = await openRoomClient(server.url, room, { headers: await enterAsGuest(server.url, 'Flood') });
    client.send({ t: 'hello' });
    await client.next('welcome');
    // What waits in the client would delay its answer to the close frame for longer than the server waits.
    const flood = setInterval(() => {
      for (let i = 0; i < 500 && client.socket.bufferedAmount < 65_536; i++) client.socket.send('{"t":"nothing"}');
    }, 10);
    try {
      await client.next('bye');
    } finally {
      clearInterval(flood);
    }
    assert.equal(await client.ended(), '1008 misuse');
    await until('it is logged, of many at once', () =>
      server.log('warn').some(({ msg }) => msg === 'rooms refused messages or connections'),
    );
  });

  test('the example client of the documentation runs', async () => {
    const page = await readFile(join(import.meta.dirname, '../../docs/7-together/messages.md'), 'utf8');
    const [, source] = /```js\n([\s\S]*?)```/.exec(page)!;
    const file = join(folder.path, 'client.mjs');
    await writeFile(file, source!);
    const member = await enterRoom(server.url, room, { headers: await enterAsGuest(server.url, 'Ana') });
    const child = execFile(process.execPath, [file, server.url, room]);
    await member.next('member', ({ member: { name } }) => name === 'Timekeeper');
    member.send({ t: 'chat', id: 'question-1', text: '!time' });
    const { message } = await member.next('message', ({ message: { name } }) => name === 'Timekeeper');
    assert.match(message.text, /^\d{4}-\d\d-\d\dT/);
    child.kill();
    member.close();
  });

  test('killed in mid-session and started again, everyone is back; no acknowledged message is lost, none is shown twice', async () => {
    const room = await createRoom(server);
    using opened = new DisposableStack();
    const sessions = await Promise.all(Array.from({ length: 6 }, (_, i) => enterAsGuest(server.url, `Guest ${i}`)));
    const members = sessions.map((headers) => opened.use(new LastingMember(server.url, room, headers)));
    await until('everyone is in', () => members.every(({ welcomes }) => welcomes === 1));
    let written = 0;
    const write = () => {
      if (written === 200) return; // a welcome has all of these, however long the server takes to come back
      const author = members[written % members.length]!;
      author.write(`message-${String(written).padStart(4, '0')}`, `number ${written}`);
      written++;
    };
    const writing = setInterval(write, 25);
    opened.defer(() => clearInterval(writing));
    await until('some are acknowledged', () => members.every(({ acked }) => acked.size >= 3));
    await server.stop('SIGKILL');
    server = await start();
    await until('everyone is back', () => members.every(({ welcomes }) => welcomes >= 2));
    clearInterval(writing);
    await until('everything is acknowledged', () => members.every(({ unsent }) => unsent.size === 0));
    await until('everyone has seen everything', () => members.every(({ shown }) => shown.size === written));
    const acked = new Map(members.flatMap((member) => [...member.acked]));
    assert.equal(acked.size, written);
    for (const { shown } of members) {
      const texts = [...shown.values()].map(({ text }) => text);
      assert.equal(new Set(texts).size, written, 'none is missing, and none is there twice');
      for (const [seq, { id }] of shown) assert.equal(acked.get(id), seq);
    }
    const { items } = await server.json<{ items: { id: string; seq: number }[] }>(
      `/api/v1/rooms/${room}/messages?limit=500`,
    );
    assert.deepEqual(new Map(items.map(({ id, seq }) => [id, seq])), new Map([...acked].sort((a, b) => a[1] - b[1])));
  });
});

/** One of a crowd: it counts what it gets, and reads none of it. */
class Joiner {
  readonly socket: WebSocket;
  bytes = 0;
  readonly welcomed: Promise<void>;

  constructor(url: string, room: string, headers: Record<string, string>) {
    this.socket = new WebSocket(`${url.replace('http', 'ws')}/api/v1/rooms/${room}/socket`, { headers });
    this.socket.on('open', () => this.socket.send('{"t":"hello"}'));
    this.welcomed = new Promise((resolve, reject) => {
      this.socket.on('error', reject);
      this.socket.on('close', (code) => reject(new Error(`the connection ended with ${code}`)));
      this.socket.on('message', (data: Buffer) => {
        this.bytes += data.length;
        if (data.subarray(0, 14).equals(WELCOME)) resolve();
      });
    });
  }
}

const WELCOME = Buffer.from('{"t":"welcome"');
