import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTime, timeOfDay } from './time-text.ts';

const at = new Date(2026, 10, 22, 20, 15, 4, 32).getTime();
const local = (...parts: [number, number, number, number, number, number, number]) => new Date(...parts).getTime();

test('a time is shown to the millisecond, and read back as the same', () => {
  assert.equal(timeOfDay(at), '20:15:04.032');
  assert.equal(parseTime('20:15:04.032', at), at);
});

test('seconds and milliseconds may be left out; digits of Chinese keyboards are read', () => {
  assert.equal(parseTime(' 20:15 ', at), local(2026, 10, 22, 20, 15, 0, 0));
  assert.equal(parseTime('7:05:09', at), local(2026, 10, 22, 7, 5, 9, 0));
  assert.equal(parseTime('20：15：04.5', at), local(2026, 10, 22, 20, 15, 4, 500));
});

test('a date before the time is used instead of the day', () => {
  assert.equal(parseTime('2026-01-31 20:15:04', at), local(2026, 0, 31, 20, 15, 4, 0));
});

test('what is not a time is refused', () => {
  for (const text of ['', 'now', '25:00:00', '20:61', '20:15:60', '2026-02-30 10:00', '20:15:04.1234', '20']) {
    assert.equal(parseTime(text, at), null, text);
  }
});
