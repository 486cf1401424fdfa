/*
 * The disk is full while people are in a room: they see each other's messages and stay in step, each author
 * is notified of what is not stored, and once there is space the same messages are stored once. Node ignores
 * SIGXFSZ, so a limit of the file size makes writes fail.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import type { RoomMessage } from '../../src/api/room/messages.ts';
import { enterRoom } from '../../src/features/rooms/sockets/room-client.fixture.ts';
import { need, pathOf } from '../fixtures/need.ts';
import { createRoom, enterAsGuest } from '../fixtures/rooms/rooms.ts';
import { openFolder, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const adminToken = 'let-me-in-please';

test('chat continues with a full disk; authors learn what is not stored, and it is stored later', {
  skip: need('prlimit'),
}, async () => {
  await using folder = await openFolder('room-disk');
  await using server = await startServer({ data: join(folder.path, 'data'), adminToken });
  const room = await createRoom(server);
  const reader = await enterRoom(server.url, room, { headers: await enterAsGuest(server.url, 'Reader') });
  const writer = await enterRoom(server.url, room, { headers: { authorization: `Bearer ${adminToken}` } });
  const limitFiles = (bytes: string) =>
    execFileSync(pathOf('prlimit')!, ['--pid', String(server.pid), `--fsize=${bytes}:`]);
  const stored = async () =>
    (await server.json<{ items: readonly RoomMessage[] }>(`/api/v1/rooms/${room}/messages`)).items.map(
      ({ text }) => text,
    );

  writer.send({ t: 'chat', id: 'message-before', text: 'before' });
  await writer.next('ack');

  limitFiles('1');
  writer.send({ t: 'chat', id: 'message-during', text: 'during' });
  assert.equal((await reader.next('message', ({ message }) => message.text === 'during')).message.id, 'message-during');
  const refused = await writer.next('refused');
  assert.deepEqual([refused.id, refused.code], ['message-during', 'not-ready']);
  assert.ok(refused.retryAfterMs! > 0);
  assert.ok((await reader.next('changed')).message.deleted, 'what is not stored is withdrawn');
  assert.deepEqual(await stored(), ['before']);
  writer.send({ t: 'react', seq: 1, emoji: '🎉', on: true });
  await reader.next('changed', ({ message }) => message.seq === 1);

  limitFiles('unlimited');
  for (let isStored = false; !isStored; ) {
    const from = writer.got.length;
    writer.send({ t: 'chat', id: 'message-during', text: 'during', again: true });
    const isAnswer = ({ t }: { readonly t: string }) => t === 'ack' || t === 'refused';
    isStored = (await until('an answer', () => writer.got.slice(from).find(isAnswer))).t === 'ack';
  }
  assert.deepEqual(await stored(), ['before', 'during']);
  for (const { socket } of [reader, writer]) socket.terminate();
});
