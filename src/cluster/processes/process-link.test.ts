import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { type NumberedEvent, openProcessLink, type PassedClient, type ProcessStart } from './process-link.ts';

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

test('a client that another process passes is taken by its protocol, unread; without one it is closed', async () => {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const channel = Object.assign(new EventEmitter(), { send: () => true });
  const opening = openProcessLink(channel as unknown as NodeJS.Process);
  channel.emit('message', { t: 'start', start });
  const link = await opening;
  const client: PassedClient = { protocol: 'rtmp', remote: '192.0.2.1:5000', received: '', answered: 0 };
  const pass = async () => {
    const end = connect((server.address() as AddressInfo).port, '127.0.0.1').end('media');
    const [socket] = (await once(server, 'connection')) as [Socket];
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
  server.close();
});
