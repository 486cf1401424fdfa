import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dueReport } from './schedule.ts';

const at = Date.parse;
/** 2026-03-02 is a Monday. */
const week = { fromMs: at('2026-02-23T00:00:00Z'), toMs: at('2026-03-02T00:00:00Z') };

test('a report is due at its hour, about the seven days before', () => {
  assert.equal(dueReport(at('2026-03-02T07:59:59.999Z'), 'monday', 8), undefined);
  assert.deepEqual(dueReport(at('2026-03-02T08:00:00Z'), 'monday', 8), week);
});

test('a report that was missed is sent within a day, not later', () => {
  assert.deepEqual(dueReport(at('2026-03-03T07:59:59Z'), 'monday', 8), week);
  assert.equal(dueReport(at('2026-03-03T08:00:00Z'), 'monday', 8), undefined);
});

test('each day of the week is that day', () => {
  const days = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const;
  for (const [after, day] of days.entries()) {
    const midnightMs = week.toMs + after * 86_400_000;
    assert.deepEqual(dueReport(midnightMs, day, 0), { fromMs: midnightMs - 7 * 86_400_000, toMs: midnightMs }, day);
    assert.equal(dueReport(midnightMs - 1, day, 0), undefined, day);
  }
});

test('without a day no report is due', () => {
  assert.equal(dueReport(week.toMs, 'off', 0), undefined);
});
