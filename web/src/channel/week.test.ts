import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blocksOf, localOf, mondayOf, moved, printLocal, readLocal } from './week.ts';

const item = (start: string, seconds: number, weekly = false) => ({ id: start, start, seconds, weekly });
const monday = readLocal('2026-11-30T00:00:00');

test('a week begins on Monday', () => {
  for (const day of ['2026-11-30T00:00:00', '2026-12-03T12:00:00', '2026-12-06T23:59:59'])
    assert.equal(printLocal(mondayOf(readLocal(day))), '2026-11-30T00:00:00');
});

test('an item over midnight has a block on each day, and one of another week none', () => {
  const blocks = blocksOf([item('2026-12-01T23:00:00', 7200), item('2026-12-08T10:00:00', 60)], monday);
  assert.deepEqual(
    blocks.map(({ day, fromMin, toMin }) => [day, fromMin, toMin]),
    [
      [1, 1380, 1440],
      [2, 0, 60],
    ],
  );
});

test('a weekly item is in every week from its first one on, and continues over Sunday', () => {
  const weekly = item('2026-12-06T23:30:00', 3600, true);
  assert.deepEqual(
    blocksOf([weekly], monday).map(({ day, toMin }) => [day, toMin]),
    [[6, 1440]],
  );
  assert.deepEqual(
    blocksOf([weekly], monday + 7 * 86_400_000).map(({ day, fromMin, toMin }) => [day, fromMin, toMin]),
    [
      [0, 0, 30],
      [6, 1410, 1440],
    ],
  );
  assert.deepEqual(blocksOf([weekly], monday - 7 * 86_400_000), []);
});

test('times move by days and minutes, and show the clocks of a zone', () => {
  assert.equal(moved('2026-12-31T23:58:00', 1, 5), '2027-01-02T00:03:00');
  assert.equal(printLocal(localOf(Date.parse('2026-07-01T10:00:00Z'), 'Europe/Berlin')), '2026-07-01T12:00:00');
});
