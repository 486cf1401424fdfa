import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rulerTicks, zoneOffset } from './ruler.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const berlin = 'Europe/Berlin';
/** The zone's own clock, `2026-03-29 03:00`. */
function clock(atMs: number, timeZone: string): string {
  return new Date(atMs + zoneOffset(atMs, timeZone)).toISOString().slice(0, 16).replace('T', ' ');
}

test('the offset of a zone depends on the time', () => {
  assert.equal(zoneOffset(Date.UTC(2026, 0, 1), berlin), hour);
  assert.equal(zoneOffset(Date.UTC(2026, 6, 1), berlin), 2 * hour);
  assert.equal(zoneOffset(Date.UTC(2026, 0, 1), 'Asia/Kathmandu'), 5.75 * hour);
  assert.equal(zoneOffset(Date.UTC(2026, 0, 1) + 123, 'America/New_York'), -5 * hour);
});

test('ticks are at round times in a zone whose offset is not a whole hour, and leave room for labels', () => {
  const toMs = Date.UTC(2026, 0, 31, 20, 0, 0, 123);
  for (const [length, step] of [
    [2 * hour, 10],
    [20 * hour, 60],
  ] as const) {
    const ticks = rulerTicks({ fromMs: toMs - length, toMs }, 1440, 'Asia/Kathmandu');
    assert.ok(ticks.length > 5);
    for (const { atMs } of ticks) assert.equal(((atMs + 5.75 * hour) / minute) % step, 0);
    assert.ok((1440 * (ticks[1]!.atMs - ticks[0]!.atMs)) / length >= 72);
  }
});

test('midnight shows the day, in the time zone', () => {
  const toMs = Date.UTC(2026, 0, 31, 20);
  const ticks = rulerTicks({ fromMs: toMs - day, toMs }, 1000, 'Asia/Kathmandu');
  const days = ticks.filter(({ label }) => label === 'day');
  assert.deepEqual(
    days.map(({ atMs }) => clock(atMs, 'Asia/Kathmandu')),
    ['2026-02-01 00:00'],
  );
});

test('the hour skipped in spring has no tick, and midnights stay midnights', () => {
  const fromMs = Date.UTC(2026, 2, 28, 12);
  const hours = rulerTicks({ fromMs, toMs: fromMs + day }, 1440, berlin).map(({ atMs }) => clock(atMs, berlin));
  assert.ok(hours.includes('2026-03-29 00:00'));
  assert.ok(!hours.includes('2026-03-29 02:00'));
  const week = rulerTicks({ fromMs: fromMs - 3 * day, toMs: fromMs + 4 * day }, 1000, berlin);
  for (const { atMs, label } of week) {
    assert.match(clock(atMs, berlin), / (00|12):00$/);
    assert.equal(label === 'day', clock(atMs, berlin).endsWith('00:00'));
  }
});

test('the hour repeated in autumn has its ticks twice if they are close, once if they are hours apart', () => {
  const fromMs = Date.UTC(2026, 9, 24, 23);
  const near = rulerTicks({ fromMs, toMs: fromMs + 4 * hour }, 1440, berlin).map(({ atMs }) => clock(atMs, berlin));
  assert.equal(near.filter((time) => time === '2026-10-25 02:00').length, 2);
  const far = rulerTicks({ fromMs, toMs: fromMs + day }, 800, berlin);
  const times = far.map(({ atMs }) => clock(atMs, berlin));
  assert.equal(new Set(times).size, times.length);
  for (let i = 1; i < far.length; i += 1) assert.ok(far[i]!.atMs > far[i - 1]!.atMs);
});

test('a day whose midnight is skipped begins at its first time', () => {
  // Clocks in Beirut went from 23:59 on 28 March 2026 to 01:00 on the 29th.
  const fromMs = Date.UTC(2026, 2, 27);
  const ticks = rulerTicks({ fromMs, toMs: fromMs + 4 * day }, 400, 'Asia/Beirut').map(({ atMs }) =>
    clock(atMs, 'Asia/Beirut'),
  );
  assert.ok(ticks.includes('2026-03-29 01:00'), ticks.join());
});

test('weeks begin on Mondays', () => {
  const toMs = Date.UTC(2026, 5, 30);
  const ticks = rulerTicks({ fromMs: toMs - 60 * day, toMs }, 700, berlin);
  assert.ok(ticks.length >= 4 && ticks.length <= 10);
  for (const { atMs, label } of ticks) {
    assert.equal(label, 'day');
    assert.equal(new Date(atMs + zoneOffset(atMs, berlin)).getUTCDay(), 1);
  }
});

test('a minute has ticks of seconds; years have few ticks, on days', () => {
  const toMs = Date.UTC(2026, 5, 30, 12);
  assert.ok(rulerTicks({ fromMs: toMs - minute, toMs }, 1000).some(({ label }) => label === 'seconds'));
  const years = rulerTicks({ fromMs: toMs - 2000 * day, toMs }, 360, berlin);
  assert.ok(years.length >= 1 && years.length <= 5);
});

test('a view without times has no ticks', () => {
  assert.deepEqual(rulerTicks({ fromMs: Number.NaN, toMs: Number.NaN }, 800), []);
});
