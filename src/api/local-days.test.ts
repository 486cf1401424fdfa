import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { FormatError } from '@oxbow/media/errors';
import { dayAt, localDays, parseDay, printDay } from './local-days.ts';
import { openTimeZone } from './local-time.ts';

const HOUR_MS = 3_600_000;

/** Lengths of the days from `first` to `last`, hours, and the UTC of the first start. */
function daysOf(zone: string, first: string, last: string) {
  const { names, startsMs } = localDays(openTimeZone(zone), parseDay(first), parseDay(last));
  return {
    names,
    from: new Date(startsMs[0]!).toISOString().slice(0, 16),
    hours: names.map((_, i) => (startsMs[i + 1]! - startsMs[i]!) / HOUR_MS),
  };
}

suite('days of a zone', () => {
  test('begin at its midnight, also of half and quarter hours', () => {
    for (const [zone, from] of [
      ['UTC', '2026-11-22T00:00'],
      ['Asia/Kolkata', '2026-11-21T18:30'],
      ['Asia/Kathmandu', '2026-11-21T18:15'],
      ['Australia/Adelaide', '2026-11-21T13:30'],
      ['America/St_Johns', '2026-11-22T03:30'],
    ] as const)
      assert.deepEqual(daysOf(zone, '2026-11-22', '2026-11-22'), { names: ['2026-11-22'], from, hours: [24] });
  });

  test('are shorter or longer where clocks are changed', () => {
    const spring = daysOf('Europe/Berlin', '2026-03-28', '2026-03-30');
    assert.deepEqual(spring.hours, [24, 23, 24]);
    assert.deepEqual(daysOf('America/New_York', '2026-10-31', '2026-11-02').hours, [24, 25, 24]);
    assert.deepEqual(daysOf('Australia/Lord_Howe', '2026-10-03', '2026-10-05').hours, [24, 23.5, 24]);
  });

  test('begin after a midnight that clocks step over; a day that a zone leaves out has no length', () => {
    const cairo = daysOf('Africa/Cairo', '2026-04-23', '2026-04-25');
    assert.deepEqual(cairo.hours, [24, 23, 24]);
    assert.deepEqual(daysOf('Pacific/Apia', '2011-12-29', '2011-12-31').hours, [24, 0, 24]);
  });

  test('the day at an instant is that of the zone', () => {
    const at = (zone: string, time: string) => printDay(dayAt(openTimeZone(zone), Date.parse(time)));
    assert.equal(at('Pacific/Kiritimati', '2026-11-22T10:00:00Z'), '2026-11-23');
    assert.equal(at('Pacific/Kiritimati', '2026-11-22T09:59:59.999Z'), '2026-11-22');
    assert.equal(at('Pacific/Pago_Pago', '2026-11-22T10:59:59Z'), '2026-11-21');
    assert.equal(at('UTC', '2026-11-22T00:00:00Z'), '2026-11-22');
  });

  test('other texts are refused', () => {
    for (const text of ['2026-02-29', '2026-13-01', '22.11.2026', '2026-11-22T00:00', '', '1969-12-31', '2026-1-1'])
      assert.throws(() => parseDay(text), FormatError, text);
  });
});
