import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { type NumberedEvent, openProcessLink, type ProcessStart } from './process-link.ts';

const start: ProcessStart = {
  name: 'process-2',
  names: ['process-1', 'process-2'],
  isFirst: false,
  secret: 'secret',
  ports: { http: 8080 },
  srtFd: undefined,
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
