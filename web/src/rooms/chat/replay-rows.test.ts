import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RoomMessage } from '../../../../src/api/room/chat-shapes.ts';
import { chatRows, dueMessages, nextRun, type Run } from './replay-rows.ts';

const T = 1_795_000_000_000;
const HOUR = 3_600_000;
const message = (seq: number, sentMs: number, atMs: number, kind: RoomMessage['kind'] = 'chat'): RoomMessage => ({
  seq,
  id: `id${seq}`,
  kind,
  author: 'u',
  name: 'n',
  text: `${seq}`,
  sentMs,
  item: 'i',
  atMs,
});
const texts = (rows: ReturnType<typeof chatRows>) =>
  rows.map((row) => (row.kind === 'replay' ? '---' : `${row.isReplay ? '*' : ''}${row.message.text}`));

test('live, nothing of what was just written is a replay', () => {
  const run: Run = { item: 'i', serverMs: T, positionMs: T - 3000 };
  const all = [message(1, T - 5000, T - 8000), message(2, T + 2000, T - 1000)];
  assert.deepEqual(dueMessages(all, run, T + 1000), []);
  assert.deepEqual(texts(chatRows(all, [], run)), ['1', '2']);
});

test('a room that rewinds three hours shows the chat of then below a divider, in step, with what is written now between it', () => {
  const then = T - 3 * HOUR;
  const run: Run = { item: 'i', serverMs: T, positionMs: then };
  const past = [message(1, then + 3000, then + 1000), message(2, then + 30_000, then + 28_000)];
  const live = [message(90, T - 60_000, T - 63_000), message(91, T + 10_000, then + 10_000)];
  const at = (positionMs: number) => texts(chatRows(live, dueMessages(past, run, positionMs), run));
  assert.deepEqual(at(then + 500), ['90', '91'], 'nothing is due yet');
  assert.deepEqual(at(then + 12_000), ['90', '---', '*1', '91']);
  assert.deepEqual(at(then + 29_000), ['90', '---', '*1', '91', '*2']);
});

test('danmaku and deleted messages are not in the list', () => {
  const run: Run = { item: 'i', serverMs: T, positionMs: 0 };
  const past = [message(1, T - HOUR, 5, 'danmaku'), { ...message(2, T - HOUR, 5), deleted: true }];
  assert.deepEqual(dueMessages(past, run, 100), []);
  assert.deepEqual(texts(chatRows([message(3, T, 5, 'danmaku')], [], run)), []);
});

test('a run continues through pauses and ends with a jump or another entry', () => {
  const run = nextRun(null, 'i', T, 5000, null)!;
  assert.equal(nextRun(run, 'i', T + 1000, 6000, 6000), run);
  assert.equal(nextRun(run, 'i', T + 9000, 6000, 6000), run, 'paused');
  assert.deepEqual(nextRun(run, 'i', T + 9000, 1000, 6000), { item: 'i', serverMs: T + 9000, positionMs: 1000 });
  assert.equal(nextRun(run, 'j', T, 6000, 6000)?.item, 'j');
  assert.equal(nextRun(run, null, T, 6000, 6000), null);
});
