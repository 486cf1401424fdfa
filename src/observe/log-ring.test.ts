import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLog } from './log.ts';
import { LogRing } from './log-ring.ts';

function ringOf(options: { format?: 'json' | 'text' } = {}) {
  const ring = new LogRing(() => 1.001);
  const log = createLog({ level: 'debug', write: () => {}, onWritten: (line) => ring.take(line), ...options });
  return { ring, log };
}

test('written lines are kept with stream, fields and a rising id, in any log format', () => {
  for (const format of ['json', 'text'] as const) {
    const { ring, log } = ringOf({ format });
    log.info({ stream: 'door', bytes: 5 }, 'connected');
    log.error({ err: new Error('no route') }, 'failed');
    const [first, second] = ring.read({});
    assert.deepEqual(
      [first!.id, first!.level, first!.stream, first!.message, first!.detail],
      [1001, 'info', 'door', 'connected', 'bytes=5'],
    );
    assert.deepEqual([second!.id, second!.message, second!.detail], [1002, 'failed', 'error="no route"']);
    assert.match(first!.at, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  }
});

test('lines are found by level, by stream and after an id', () => {
  const { ring, log } = ringOf();
  log.debug({ stream: 'a' }, 'one');
  log.warn({ stream: 'b' }, 'two');
  log.error({ stream: 'a' }, 'three');
  const found = (filter: Parameters<LogRing['read']>[0]) => ring.read(filter).map(({ message }) => message);
  assert.deepEqual(found({ level: 'warn' }), ['two', 'three']);
  assert.deepEqual(found({ stream: 'a' }), ['one', 'three']);
  assert.deepEqual(found({ after: 1001 }), ['two', 'three']);
  assert.deepEqual(found({ after: 1003 }), []);
});

test('no secret is kept', () => {
  const { ring, log } = ringOf();
  log.info({ url: 'https://user:hunter2@example.com/live.m3u8?token=abcdef0123456789' }, 'connected');
  assert.doesNotMatch(JSON.stringify(ring.read({})), /hunter2|abcdef0123456789/);
});

test('only the newest 2,000 lines are kept', () => {
  const ring = new LogRing();
  for (let i = 1; i <= 2100; i++) ring.take(JSON.stringify({ level: 'info', time: 'x', msg: `line ${i}` }));
  ring.take('not json');
  const kept = ring.read({});
  assert.deepEqual([kept.length, kept[0]!.message, kept.at(-1)!.message], [2000, 'line 101', 'line 2100']);
});

test('lines are found by a part of their text, in either case', () => {
  const ring = new LogRing();
  ring.take(JSON.stringify({ level: 'info', time: 'x', msg: 'Connected', stream: 'door', peer: 'cam.example' }));
  ring.take(JSON.stringify({ level: 'info', time: 'x', msg: 'closed', stream: 'gate' }));
  const messages = (text: string) => ring.read({ text }).map(({ message }) => message);
  assert.deepEqual(messages('connect'), ['Connected']);
  assert.deepEqual(messages('CAM.example'), ['Connected']);
  assert.deepEqual(messages('gate'), ['closed']);
  assert.deepEqual(messages('nothing like it'), []);
});
