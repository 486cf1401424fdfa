import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Past } from '../../time/past.ts';
import { draggedTo, neighbours, type ScrubPlace, spread } from './scrub-times.ts';

const nowMs = 1_795_160_400_000;
const hour = 3_600_000;
const past: Past = {
  fromMs: nowMs - hour,
  toMs: nowMs,
  stretches: [
    { kind: 'media', fromMs: nowMs - hour, toMs: nowMs - hour / 2 },
    { kind: 'gap', fromMs: nowMs - hour / 2, toMs: nowMs - hour / 4, cause: 'disk', detail: '' },
    { kind: 'media', fromMs: nowMs - hour / 4, toMs: nowMs },
  ],
};
const place: ScrubPlace = { past, view: { fromMs: nowMs - hour, toMs: nowMs }, pixelMs: hour / 1200, nowMs };

test('the pictures on both sides are loaded ahead, the nearest first', () => {
  const atMs = nowMs - 45 * 60_000;
  assert.deepEqual(
    neighbours(atMs, place).map((ms) => (ms - atMs) / 1000),
    [10, -10, 20, -20, 30, -30],
  );
});

test('no picture is loaded ahead where nothing is recorded', () => {
  assert.deepEqual(neighbours(nowMs - (3 * hour) / 8, place), []);
  const times = spread(place, 16);
  assert.ok(times.length >= 10 && times.length <= 16, `${times.length} pictures`);
  assert.ok(times.every((ms) => ms < nowMs - hour / 2 || ms >= nowMs - hour / 4));
});

test('a few pictures cover the whole bar', () => {
  const minutes = spread(place, 5).map((ms) => Math.floor((ms - nowMs) / 60_000));
  assert.deepEqual(minutes, [-45, -15, -53, -38, -8]);
});

test('a drag across the picture is finer than one on the bar, and ends at now and at the oldest time', () => {
  const view = { fromMs: nowMs - 8 * hour, toMs: nowMs };
  assert.equal(draggedTo(nowMs - 4 * hour, 0.5, view, 0, nowMs), nowMs - 3 * hour);
  assert.equal(draggedTo(nowMs - 4 * hour, -0.5, view, 0, nowMs), nowMs - 5 * hour);
  assert.equal(draggedTo(nowMs - hour, 1, view, 0, nowMs), nowMs);
  assert.equal(draggedTo(nowMs - hour, -1, view, nowMs - 2 * hour, nowMs), nowMs - 2 * hour);
  const minute = { fromMs: nowMs - 60_000, toMs: nowMs };
  assert.equal(draggedTo(nowMs - hour, -0.5, minute, 0, nowMs), nowMs - hour - 60_000);
});
