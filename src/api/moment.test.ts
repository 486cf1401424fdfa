import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readMoment, writeMoment } from './moment.ts';

const nowMs = new Date(2026, 10, 23, 15, 30, 0).getTime();
const read = (text: string) => {
  const atMs = readMoment(text, nowMs);
  return atMs === null ? null : writeMoment(atMs);
};

test('a time without a day is the last one before now', () => {
  assert.equal(read('14:03'), '2026-11-23 14:03:00');
  assert.equal(read(' 9:03:20 '), '2026-11-23 09:03:20');
  assert.equal(read('16:00'), '2026-11-22 16:00:00');
  assert.equal(read('14：03'), '2026-11-23 14:03:00');
});

test('days have names in both languages, or a date with or without its year', () => {
  assert.equal(read('yesterday 14:00'), '2026-11-22 14:00:00');
  assert.equal(read('昨天 14:00'), '2026-11-22 14:00:00');
  assert.equal(read('前天'), '2026-11-21 00:00:00');
  assert.equal(read('Today 00:10'), '2026-11-23 00:10:00');
  assert.equal(read('2026-11-01 08:00:05'), '2026-11-01 08:00:05');
  assert.equal(read('2026-11-01T08:00'), '2026-11-01 08:00:00');
  assert.equal(read('11/2 8:00'), '2026-11-02 08:00:00');
  assert.equal(read('11月2日 8:00'), '2026-11-02 08:00:00');
});

test('UTC is read as UTC', () => {
  assert.equal(readMoment('2026-11-01 08:00 UTC', nowMs), Date.UTC(2026, 10, 1, 8));
  assert.equal(readMoment('2026-11-01T08:00:00Z', nowMs), Date.UTC(2026, 10, 1, 8));
});

test('a length with a minus is before now', () => {
  assert.equal(read('-1h 30m'), '2026-11-23 14:00:00');
  assert.equal(read('−2d'), '2026-11-21 15:30:00');
  assert.equal(readMoment('now', nowMs), nowMs);
});

test('what names no time is refused', () => {
  for (const text of ['', 'soon', '25:00', '14:61', '2026-02-30 10:00', '13-40', '-5', '14']) {
    assert.equal(read(text), null, text);
  }
});
