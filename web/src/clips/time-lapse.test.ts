import assert from 'node:assert/strict';
import { test } from 'node:test';
import { filmSecondsOf, lastDay, timeLapseUrl } from './time-lapse.ts';

const HOUR = 3600_000;
const toMs = 1_795_160_400_900;
const iso = (ms: number) => new Date(ms).toISOString();

test('the last day is offered, or what there is', () => {
  assert.deepEqual(lastDay({ from: iso(toMs - 60 * HOUR), to: iso(toMs) }), { fromMs: toMs - 24 * HOUR, toMs });
  assert.deepEqual(lastDay({ from: iso(toMs - HOUR), to: iso(toMs) }), { fromMs: toMs - HOUR, toMs });
  assert.equal(lastDay({ from: null, to: null }), null);
});

test('a film is always shorter than its span', () => {
  for (const [ms, seconds] of [
    [29_000, null],
    [30_000, 10],
    [299_000, 10],
    [300_000, 30],
    [24 * HOUR, 30],
    [169 * HOUR, null],
  ] as const) {
    assert.equal(filmSecondsOf({ fromMs: toMs - ms, toMs }), seconds);
  }
});

test('the address has whole seconds within the span', () => {
  assert.equal(timeLapseUrl('door', { fromMs: toMs - HOUR, toMs }, 30), '/timelapse/door/1795156801/1795160400/30.mp4');
});
