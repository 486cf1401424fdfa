import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  behindText,
  clockTime,
  hourMinute,
  lengthText,
  lengthWords,
  momentText,
  parseField,
  sizeText,
  utcTime,
} from './format.ts';

const berlin = { locale: 'en', timeZone: 'Europe/Berlin' };
const at = Date.UTC(2026, 0, 31, 20, 15, 4);

test('a time is formatted in the reader’s time zone, and in UTC for everyone', () => {
  assert.equal(clockTime(at, berlin), '21:15:04');
  assert.equal(hourMinute(at, berlin), '21:15');
  assert.equal(clockTime(at, { locale: 'zh-CN', timeZone: 'Asia/Shanghai' }), '04:15:04');
  assert.equal(utcTime(at), '2026-01-31 20:15:04 UTC');
});

test('midnight is 00, not 24', () => {
  assert.equal(clockTime(Date.UTC(2026, 0, 31, 0, 0, 0), { locale: 'en', timeZone: 'UTC' }), '00:00:00');
});

test('the day is added only if it is not today in the reader’s time zone', () => {
  assert.equal(momentText(at, at + 3_600_000, berlin), '21:15:04');
  assert.equal(momentText(at, at + 3 * 3_600_000, berlin), 'Sat, Jan 31, 21:15:04');
  assert.equal(momentText(at, at + 200 * 86_400_000, berlin), 'Sat, Jan 31, 21:15:04');
  assert.equal(momentText(at, at - 364 * 86_400_000, berlin), 'Sat, Jan 31, 2026, 21:15:04');
});

test('a time before now is a negative clock, with hours if needed', () => {
  assert.equal(behindText(192_000), '−03:12');
  assert.equal(behindText(3_792_000), '−1:03:12');
  assert.equal(behindText(93_792_000), '−26:03:12');
  assert.equal(lengthText(-1), '00:00');
});

test('a length has its two largest units', () => {
  assert.deepEqual(lengthWords(11_400), { key: 'length.hours', values: { hours: 3, minutes: 10 } });
  assert.deepEqual(lengthWords(90_000), { key: 'length.days', values: { days: 1, hours: 1 } });
  assert.deepEqual(lengthWords(75.9), { key: 'length.minutes', values: { minutes: 1, seconds: 15 } });
  assert.deepEqual(lengthWords(0.4), { key: 'length.seconds', values: { seconds: 0 } });
});

test('a size never shows a thousand of a unit', () => {
  assert.equal(sizeText(0, berlin), '0 B');
  assert.equal(sizeText(1_234_567_890, berlin), '1.2 GB');
  assert.equal(sizeText(18_000_000_000, berlin), '18 GB');
  assert.equal(sizeText(999_999, berlin), '1 MB');
});

test('an empty date field has no value', () => {
  assert.equal(parseField(''), null);
});
