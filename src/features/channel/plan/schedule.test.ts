import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { openTimeZone } from '../../../api/local-time.ts';
import { type ChannelItem, instantOf, overlapOf, Schedule } from './schedule.ts';

const HOUR_MS = 3_600_000;
const local = (text: string) => Date.parse(`${text}Z`);
const utc = (text: string) => Date.parse(`${text}Z`);
const item = (id: string, start: string, hours: number, weekly = false): ChannelItem => ({
  id,
  kind: 'asset',
  ref: id,
  title: id,
  startMs: local(start),
  durationMs: hours * HOUR_MS,
  weekly,
  mediaMs: 0,
});
const berlin = openTimeZone('Europe/Berlin');
const shown = (schedule: Schedule, from: string, to: string) =>
  schedule
    .between(utc(from), utc(to))
    .map(({ item: { id }, fromMs, toMs }) => [
      id,
      ...[fromMs, toMs].map((ms) => new Date(ms).toISOString().slice(5, 16)),
    ]);

suite('the schedule of a channel', () => {
  test('an item is shown from its start for its duration, and nothing around it', () => {
    const schedule = new Schedule(openTimeZone('UTC'), [item('a', '2026-11-30T10:00', 1)]);
    assert.equal(schedule.at(utc('2026-11-30T09:59:59.999')), undefined);
    assert.equal(schedule.at(utc('2026-11-30T10:00'))?.item.id, 'a');
    assert.equal(schedule.at(utc('2026-11-30T11:00')), undefined);
    assert.equal(schedule.nextMs(utc('2026-11-30T08:00')), utc('2026-11-30T10:00'));
  });

  test('a weekly item returns at the same local time after clocks have changed', () => {
    const schedule = new Schedule(berlin, [item('news', '2026-10-18T20:00', 0.5, true)]);
    assert.deepEqual(shown(schedule, '2026-10-10T00:00', '2026-11-02T00:00'), [
      ['news', '10-18T18:00', '10-18T18:30'],
      ['news', '10-25T19:00', '10-25T19:30'],
      ['news', '11-01T19:00', '11-01T19:30'],
    ]);
  });

  test('an item that happens once replaces a weekly one, which continues in its middle', () => {
    const items = [item('week', '2026-11-02T10:00', 4, true), item('once', '2026-11-30T11:00', 1)];
    const schedule = new Schedule(openTimeZone('UTC'), items);
    assert.deepEqual(shown(schedule, '2026-11-30T00:00', '2026-12-01T00:00'), [
      ['week', '11-30T10:00', '11-30T11:00'],
      ['once', '11-30T11:00', '11-30T12:00'],
      ['week', '11-30T12:00', '11-30T14:00'],
    ]);
    assert.equal(schedule.at(utc('2026-11-30T13:00'))?.beganMs, utc('2026-11-30T10:00'));
  });

  test('an hour that clocks skip has the item that belongs after it, one that comes twice is empty', () => {
    const spring = new Schedule(berlin, [item('two', '2027-03-28T02:00', 1), item('three', '2027-03-28T03:00', 1)]);
    assert.deepEqual(shown(spring, '2027-03-28T00:00', '2027-03-28T06:00'), [['three', '03-28T01:00', '03-28T02:00']]);
    const autumn = new Schedule(berlin, [item('two', '2026-10-25T02:00', 1), item('three', '2026-10-25T03:00', 1)]);
    assert.deepEqual(shown(autumn, '2026-10-24T22:00', '2026-10-25T06:00'), [
      ['two', '10-25T00:00', '10-25T01:00'],
      ['three', '10-25T02:00', '10-25T03:00'],
    ]);
  });

  test('overlaps are found among items of the same repetition, over the end of the week too', () => {
    const weekly = item('sunday', '2026-11-29T23:00', 2, true);
    const at = (start: string, repeats = true) => overlapOf(item('x', start, 1, repeats), [weekly])?.id;
    assert.equal(at('2026-12-07T00:30'), 'sunday');
    assert.equal(at('2026-11-22T22:30'), 'sunday');
    assert.equal(at('2026-12-07T01:00'), undefined);
    assert.equal(at('2026-11-29T23:00', false), undefined);
    assert.equal(overlapOf(item('x', '2026-11-30T10:59', 1), [item('a', '2026-11-30T10:00', 1)])?.id, 'a');
  });

  test('each half hour of the days on which clocks change is where the zone has it', () => {
    for (const [zone, day] of [
      [berlin, '2027-03-28'],
      [berlin, '2026-10-25'],
      [openTimeZone('Australia/Lord_Howe'), '2026-10-04'],
      [openTimeZone('America/Sao_Paulo'), '2018-11-04'],
      [openTimeZone('Pacific/Apia'), '2011-12-30'],
    ] as const) {
      const startMs = local(`${day}T00:00`) - 24 * HOUR_MS;
      const starts = Array.from({ length: 3 * 48 }, (_, i) => startMs + i * 1_800_000);
      for (const startOfItemMs of starts) {
        const atMs = instantOf(zone, startOfItemMs);
        const one = { ...item('a', '2026-01-01T00:00', 1), startMs: startOfItemMs };
        const [airing] = new Schedule(zone, [one]).between(atMs, atMs + 1);
        assert.equal(airing?.fromMs, atMs, `${zone.name} ${new Date(startOfItemMs).toISOString()}`);
      }
    }
  });

  test('a guide of 3,000 items asks the zone for days, not for items', () => {
    let questions = 0;
    const instantsOf = (ms: number) => {
      questions++;
      return berlin.instantsOf(ms);
    };
    const zone = { name: berlin.name, instantsOf };
    const items = Array.from({ length: 3000 }, (_, i) => ({
      ...item(`${i}`, '2026-11-30T00:00', 0.05, true),
      startMs: local('2026-11-30T00:00') + i * 0.05 * HOUR_MS,
    }));
    const schedule = new Schedule(zone, items);
    assert.ok(schedule.between(utc('2027-01-01T00:00'), utc('2027-01-16T00:00')).length > 5000);
    assert.ok(questions < 100, `${questions} questions`);
  });

  test('3,000 items are answered for at any instant of a year', () => {
    const start = local('2026-11-30T00:00');
    const items = Array.from({ length: 3000 }, (_, i) => ({
      ...item(`${i}`, '2026-11-30T00:00', 0.055, true),
      startMs: start + i * 0.055 * HOUR_MS,
    }));
    const schedule = new Schedule(berlin, items);
    for (let day = 1; day < 365; day += 60) {
      const ms = start + (day * 24 + 7.01) * HOUR_MS;
      const airing = schedule.at(ms)!;
      assert.ok(airing.fromMs <= ms && ms < airing.toMs);
      assert.equal(airing.toMs - airing.beganMs, 0.055 * HOUR_MS);
    }
  });
});
