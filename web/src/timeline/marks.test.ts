import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Past } from '../time/past.ts';
import { gapsIn, markerNear, nextPoint, type PointKind, pinsAt, spokenMoment } from './marks.ts';

const past: Past = {
  fromMs: 0,
  toMs: 1_000_000,
  stretches: [
    { kind: 'media', fromMs: 0, toMs: 300_000 },
    { kind: 'gap', fromMs: 300_000, toMs: 310_000, cause: 'disk', detail: '' },
    { kind: 'media', fromMs: 310_000, toMs: 1_000_000 },
  ],
};
const marks = {
  markers: [
    { id: 'a', atMs: 100_000, text: 'a' },
    { id: 'b', atMs: 104_000, text: 'b' },
  ],
  pins: [{ id: 'p', fromMs: 600_000, toMs: 700_000, text: '' }],
};

test('the pointer finds the nearest marker within a few pixels', () => {
  assert.equal(markerNear(marks.markers, 101_000, 1_000)?.id, 'a');
  assert.equal(markerNear(marks.markers, 103_000, 1_000)?.id, 'b');
  assert.equal(markerNear(marks.markers, 90_000, 1_000), undefined);
  assert.deepEqual(pinsAt(marks.pins, 650_000), marks.pins);
  assert.deepEqual(pinsAt(marks.pins, 700_000), []);
});

const steps = (atMs: number, forward: boolean, kind?: PointKind) =>
  nextPoint(past, marks, { atMs, forward, playing: true, ...(kind && { kind }) })?.atMs ?? null;

test('steps go from marker to gap to protected span, and back over each although playback continues', () => {
  const seen: number[] = [];
  for (let at: number | null = 0; at !== null; at = steps(at, true)) seen.push(at);
  assert.deepEqual(seen, [0, 100_000, 104_000, 297_000, 600_000]);
  assert.equal(steps(601_000, false), 297_000);
  assert.equal(steps(298_000, false), 104_000);
  assert.equal(steps(50_000, false), null);
});

test('steps of one kind leave out the others', () => {
  assert.equal(steps(0, true, 'gap'), 297_000);
  assert.equal(steps(650_000, false, 'marker'), 104_000);
  assert.equal(steps(298_000, true, 'gap'), null);
});

test('a gap that is cut by the edge of what is known is no point', () => {
  const cut = { ...past, fromMs: 300_000, stretches: past.stretches.slice(1) };
  assert.equal(nextPoint(cut, { markers: [], pins: [] }, { atMs: 500_000, forward: false }), null);
});

test('the gaps in view are listed', () => {
  assert.equal(gapsIn(past, { fromMs: 305_000, toMs: 400_000 }).length, 1);
  assert.equal(gapsIn(past, { fromMs: 310_000, toMs: 400_000 }).length, 0);
});

test('the time is announced after a jump and each half minute, not continuously', () => {
  assert.equal(spokenMoment(null, 5_000, null), 5_000);
  assert.equal(spokenMoment(5_000, 6_000, 5_750), 5_000);
  assert.equal(spokenMoment(5_000, 35_000, 34_750), 35_000);
  assert.equal(spokenMoment(5_000, 12_000, 7_000), 12_000);
  assert.equal(spokenMoment(5_000, null, 5_000), null);
});
