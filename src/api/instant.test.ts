import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FormatError } from '@oxbow/media/errors';
import { seeded } from '@oxbow/media/random.fixture';
import { parseInstant, printRfc3339 } from './instant.ts';

test('all four forms of an instant give the same milliseconds', () => {
  for (const text of [
    '1795160400',
    '1795160400000',
    '2026-11-20T07:40:00Z',
    '2026-11-20t07:40:00.000z',
    '2026-11-20T09:10:00+01:30',
    '2026-11-19T23:40:00-08:00',
    '20261120074000',
  ]) {
    assert.equal(parseInstant(text), 1_795_160_400_000, text);
  }
});

test('fractions of a second are kept to the millisecond', () => {
  assert.equal(parseInstant('2026-11-20T07:00:00.123456Z') % 1000, 123);
  assert.equal(parseInstant('2026-11-20T07:00:00.29Z') % 1000, 290);
});

test('a time without a zone, a day or an hour that does not exist, and other lengths of digits are refused', () => {
  for (const text of [
    '',
    '2026-11-20T07:00:00',
    '2026-11-20',
    '2026-02-30T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '20261120240000',
    '20261120076000',
    '2026-11-20T07:00:00+25:00',
    '1969-12-31T23:59:59Z',
    '1970-01-01T00:00:00+01:00',
    '123456789',
    '12345678901',
    '-795160400',
    '17951604.0',
  ]) {
    assert.throws(() => parseInstant(text), FormatError, text);
  }
});

test('29 February and the leap second exist', () => {
  assert.equal(parseInstant('20280229000000'), Date.UTC(2028, 1, 29));
  assert.equal(parseInstant('2016-12-31T23:59:60Z'), Date.UTC(2017, 0, 1));
});

test('printed instants read as themselves', () => {
  assert.equal(printRfc3339(1_795_160_400_021.7), '2026-11-20T07:40:00.021Z');
  assert.equal(parseInstant(printRfc3339(1_795_160_400_021)), 1_795_160_400_021);
});

test('no text causes another error than FormatError (2,000 inputs, seeded)', () => {
  const next = seeded(11);
  const letters = '0123456789-:TtZz+.';
  for (let round = 0; round < 2000; round++) {
    const base = [...'2026-11-20T07:00:00.000+01:00'];
    for (let edits = next(4); edits >= 0; edits--) base[next(base.length)] = letters[next(letters.length)]!;
    const text = base.slice(0, next(base.length + 1)).join('');
    try {
      assert.ok(Number.isSafeInteger(parseInstant(text)), text);
    } catch (error) {
      assert.ok(error instanceof FormatError, text);
    }
  }
});
