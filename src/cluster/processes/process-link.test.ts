import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import {
  type NumberedEvent,
  openProcessLink,
  type PassedCaller,
  type PassedClient,
  type ProcessStart,
} from './process-link.ts';

const start: ProcessStart = {
  name: 'process-2',
  names: ['process-1', 'process-2'],
  isFirst: false,
  secret: 'secret',
  ports: { http: 8080 },
  srtFd: undefined,
  srtla: undefined,
  events: { boot: '0mx1nid8d', last: 3 },
};

const eventOf = (at: string): NumberedEvent => ({
  type: 'server.starting',
  at,
  stream: null,
  data: {},
  audience: 'admin',
  from: 'process-1',
});

/** A server of this computer, and connections to it: both ends. */
async function listen() {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    async connect() {
      const end = connect((server.address() as AddressInfo).port, '127.0.0.1');
      const [socket] = (await once(server, 'connection')) as [Socket];
      return { end, socket };
    },
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, 'close');
    },
  };
}

test('a process receives the events that came while it started, and then each once', async () => {
  const channel = Object.assign(new EventEmitter(), { send: () => true });
  const opening = openProcessLink(channel as unknown as NodeJS.Process);
  channel.emit('message', { t: 'start', start });
  channel.emit('message', { t: 'event', event: eventOf('1') });
  const link = await opening;
  assert.deepEqual(link.start, start);
  channel.emit('message', { t: 'event', event: eventOf('2') });
  const received: string[] = [];
  link.event.subscribe(({ at }) => received.push(at));
  channel.emit('message', { t: 'event', event: eventOf('3') });
  assert.deepEqual(received, ['1', '2', '3']);
  channel.emit('disconnect');
  await link.closed;
});

test('a process answers a ping, also while it starts', async () => {
  const sent: unknown[] = [];
  const channel = Object.assign(new EventEmitter(), { send: (message: unknown) => sent.push(message) > 0 });
  const opening = openProcessLink(channel as unknown as NodeJS.Process);
  channel.emit('message', { t: 'ping' });
  assert.deepEqual(sent, [{ t: 'pong' }]);
  channel.emit('message', { t: 'start', start });
  await opening;
});

test('clients and callers that another process passes while this one starts wait until it takes them', async () => {
  const channel = Object.assign(new EventEmitter(), { send: () => true });
  const opening = openProcessLink(channel as unknown as NodeJS.Process);
  const caller: PassedCaller = { address: '192.0.2.1', port: 5000, relayPort: 6000, hello: 'ab' };
  for (let port = 1; port <= 257; port++) channel.emit('message', { t: 'caller', caller: { ...caller, port } });
  const clientOf = (protocol: PassedClient['protocol'], port: number): PassedClient => {
    return { protocol, remote: `192.0.2.1:${port}`, received: '', answered: 0 };
  };
  await using server = await listen();
  const ends = [];
  for (const client of [clientOf('rtmp', 1), clientOf('rtsp', 2), clientOf('rtmp', 3)]) {
    const { end, socket } = await server.connect();
    ends.push(end);
    channel.emit('message', { t: 'client', client }, socket);
  }
  channel.emit('message', { t: 'start', start });
  const link = await opening;
  const ports: number[] = [];
  link.takeCallers(({ port }) => ports.push(port));
  assert.deepEqual([ports.length, ports[0], ports.at(-1)], [256, 2, 257], 'the newest ones');
  channel.emit('message', { t: 'caller', caller });
  assert.equal(ports.at(-1), 5000);
  const taken: [string, Socket][] = [];
  link.takeClients('rtmp', ({ remote }, socket) => taken.push([remote, socket]));
  assert.deepEqual(
    taken.map(([remote]) => remote),
    ['192.0.2.1:1', '192.0.2.1:3'],
  );
  link.takeClients('rtsp', ({ remote }, socket) => taken.push([remote, socket]));
  assert.equal(taken[2]![0], '192.0.2.1:2');
  const areClosed = ends.map((end) => once(end, 'close'));
  for (const [, socket] of taken) socket.resetAndDestroy();
  for (const end of ends) end.destroy();
  await Promise.all(areClosed);
});

test('a client that another process passes is taken by its protocol, unread; without one it is closed', async () => {
  await using server = await listen();
  const channel = Object.assign(new EventEmitter(), { send: () => true });
  const opening = openProcessLink(channel as unknown as NodeJS.Process);
  channel.emit('message', { t: 'start', start });
  const link = await opening;
  const client: PassedClient = { protocol: 'rtmp', remote: '192.0.2.1:5000', received: '', answered: 0 };
  const pass = async () => {
    const { end, socket } = await server.connect();
    end.end('media');
    channel.emit('message', { t: 'client', client }, socket);
    return end;
  };
  const taken: Socket[] = [];
  const takeNone = link.takeClients('rtmp', (passed, socket) => {
    assert.deepEqual(passed, client);
    taken.push(socket);
  });
  await pass();
  const [media] = await once(taken[0]!.resume(), 'data');
  assert.equal(String(media), 'media');
  takeNone();
  await once(await pass(), 'close');
  channel.emit('message', { t: 'client', client }, undefined);
  taken[0]!.destroy();
});
