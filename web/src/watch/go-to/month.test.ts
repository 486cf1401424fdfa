import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addDays, addMonths, dayAt, dayForKey, sameClock, weeksOf } from './month.ts';

test('the weeks of a month begin with the first day of the week', () => {
  const weeks = weeksOf('2026-11-23', 1);
  assert.deepEqual(weeks[0], [null, null, null, null, null, null, '2026-11-01']);
  assert.deepEqual(weeks.at(-1), ['2026-11-30', null, null, null, null, null, null]);
  assert.equal(weeksOf('2026-11-23', 7)[0]![0], '2026-11-01');
  assert.equal(weeksOf('2026-02-10', 7).flat().filter(Boolean).length, 28);
});

test('days and months are counted by the calendar', () => {
  assert.equal(addDays('2026-12-31', 1), '2027-01-01');
  assert.equal(addDays('2026-03-01', -1), '2026-02-28');
  assert.equal(addMonths('2026-01-31', 1), '2026-02-28');
  assert.equal(addMonths('2026-01-31', -2), '2025-11-30');
});

test('another day keeps the time of the clock', () => {
  const atMs = sameClock('2026-11-02', new Date(2026, 10, 23, 14, 3, 20).getTime());
  assert.equal(new Date(atMs).toString().slice(4, 24), 'Nov 02 2026 14:03:20');
  assert.equal(dayAt(atMs), '2026-11-02');
});

test('keys move in the grid', () => {
  const to = (key: string, shiftKey = false) => dayForKey({ key, shiftKey }, '2026-11-25', 1);
  assert.deepEqual(
    ['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'Home', 'End', 'PageUp', 'PageDown', 'x'].map((key) => to(key)),
    [
      '2026-11-24',
      '2026-11-26',
      '2026-11-18',
      '2026-12-02',
      '2026-11-23',
      '2026-11-29',
      '2026-10-25',
      '2026-12-25',
      null,
    ],
  );
  assert.equal(to('PageUp', true), '2025-11-25');
});
