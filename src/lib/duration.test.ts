import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FormatError } from '@oxbow/media/errors';
import { seeded } from '@oxbow/media/random.fixture';
import { parseDuration, printDuration } from './duration.ts';

test('units, their combinations and plain seconds are milliseconds', () => {
  const cases: readonly [string, number][] = [
    ['90s', 90_000],
    ['15m', 900_000],
    ['1h30m', 5_400_000],
    ['7d', 604_800_000],
    ['2w', 1_209_600_000],
    ['200ms', 200],
    ['1s500ms', 1500],
    ['1.5s', 1500],
    ['90', 90_000],
    ['0.2', 200],
    ['0', 0],
  ];
  for (const [text, ms] of cases) assert.equal(parseDuration(text), ms, text);
});

test('text that is not a duration is rejected with the offset of the first invalid character', () => {
  const cases: readonly [string, number][] = [
    ['', 0],
    ['abc', 0],
    ['1h30', 2],
    ['30m1h', 3],
    ['1h1h', 2],
    ['-5s', 0],
    ['5 s', 0],
    ['1e3s', 0],
  ];
  for (const [text, offset] of cases) assert.throws(() => parseDuration(text), { name: 'FormatError', offset }, text);
  assert.throws(() => parseDuration('200000d'), /century/);
});

test('printed durations parse to the same value', () => {
  assert.equal(printDuration(86_400_000), '24h');
  assert.equal(printDuration(7 * 86_400_000), '7d');
  assert.equal(printDuration(0), '0s');
  for (let ms = 1; ms < 1e10; ms = Math.ceil(ms * 1.7)) assert.equal(parseDuration(printDuration(ms)), ms);
});

test('no text throws anything but FormatError (2,000 inputs, seeded)', () => {
  const next = seeded(7);
  const letters = '0123456789.smhdw -+eE:ms';
  for (let round = 0; round < 2000; round++) {
    const text = Array.from({ length: next(24) }, () => letters[next(letters.length)]).join('');
    try {
      const ms = parseDuration(text);
      assert.ok(Number.isSafeInteger(ms) && ms >= 0, text);
    } catch (error) {
      assert.ok(error instanceof FormatError, text);
    }
  }
});
