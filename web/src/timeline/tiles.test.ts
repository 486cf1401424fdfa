import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Past, Stretch } from '../time/past.ts';
import { bestTile, joinPast, joinTiles, missing, readTile, resolutionOf, type Tile } from './tiles.ts';

const hour = 3_600_000;
const now = 1_000 * hour;
const media = (fromMs: number, toMs: number): Stretch => ({ kind: 'media', fromMs, toMs });
const gap = (fromMs: number, toMs: number): Stretch => ({ kind: 'gap', fromMs, toMs, cause: 'crash', detail: '' });
const past = (fromMs: number, toMs: number, ...stretches: Stretch[]): Past => ({ fromMs, toMs, stretches });
const tile = (fromMs: number, toMs: number, more: Partial<Tile> = {}): Tile => ({
  resS: 0,
  exact: true,
  past: past(fromMs, toMs, media(fromMs, toMs)),
  markers: [],
  pins: [],
  requestedMs: now,
  ...more,
});

test('close views are requested exactly, distant ones in few resolutions', () => {
  assert.equal(resolutionOf(2 * hour), 0);
  assert.equal(resolutionOf(24 * hour), 30);
  assert.equal(resolutionOf(30 * 24 * hour), 900);
  const steps = new Set<number>();
  for (let length = hour; length < 9_000 * hour; length *= 1.1) {
    const seconds = resolutionOf(length);
    steps.add(seconds);
    assert.ok(seconds * 1000 <= Math.max(length / 1_000, 1_000), 'a pixel is never coarser than it looks');
  }
  assert.ok(steps.size <= 10);
});

test('where two responses overlap the newer one is used, and contiguous media is one stretch', () => {
  const old = past(0, 100_000, media(0, 60_000), gap(60_000, 100_000));
  const fresh = past(50_000, 130_000, media(50_000, 80_000), gap(80_000, 90_000), media(90_000, 130_000));
  assert.deepEqual(
    joinPast(old, fresh),
    past(0, 130_000, media(0, 80_000), gap(80_000, 90_000), media(90_000, 130_000)),
  );
  assert.deepEqual(joinPast(fresh, past(0, 60_000, gap(0, 60_000))).stretches[0], gap(0, 60_000));
});

test('adjacent gaps of different causes stay separate', () => {
  const other: Stretch = { ...gap(50_000, 60_000), cause: 'disk' };
  assert.equal(joinPast(past(0, 50_000, gap(0, 50_000)), past(50_000, 60_000, other)).stretches.length, 2);
});

test('a deleted marker disappears with the newer response, a protected span beyond it appears once', () => {
  const marker = (atMs: number) => ({ id: `m${atMs}`, atMs, text: '' });
  const pin = { id: 'p', fromMs: 30_000, toMs: 90_000, text: '' };
  const old = tile(0, 80_000, { markers: [marker(10_000), marker(70_000)], pins: [pin] });
  const fresh = tile(60_000, 100_000, { markers: [marker(90_000)], pins: [pin] });
  const joined = joinTiles(old, fresh);
  assert.deepEqual(
    joined.markers.map(({ id }) => id),
    ['m10000', 'm90000'],
  );
  assert.equal(joined.pins.length, 1);
});

test('a first view is requested with its surroundings, not after now or before the oldest recording', () => {
  const view = { fromMs: now - 2 * hour, toMs: now };
  assert.deepEqual(missing(undefined, view, now), { fromMs: now - 4 * hour, toMs: now, join: false });
  assert.equal(missing(undefined, view, now, now - 3 * hour)?.fromMs, now - 3 * hour);
  assert.equal(missing(undefined, { fromMs: now + 1, toMs: now + 2 }, now), null);
});

test('panning within the surroundings needs no request, panning beyond them does', () => {
  const known = tile(now - 6 * hour, now);
  assert.equal(missing(known, { fromMs: now - 5 * hour, toMs: now - 3 * hour }, now), null);
  assert.equal(missing(known, { fromMs: now - 7 * hour, toMs: now - 5 * hour }, now)?.join, false);
});

test('only the growing end is requested, with the unsettled minute', () => {
  const request = missing(tile(now - 6 * hour, now - 5_000), { fromMs: now - hour, toMs: now }, now);
  assert.deepEqual(request, { fromMs: now - 65_000, toMs: now, join: true });
});

test('after two minutes everything is requested again: retention may have deleted some', () => {
  const known = tile(now - 6 * hour, now, { requestedMs: now - 121_000 });
  assert.equal(missing(known, { fromMs: now - hour, toMs: now }, now)?.join, false);
});

test('a tile that was requested with a clock ahead is requested again', () => {
  const ahead = tile(now - 6 * hour, now + 300_000, { requestedMs: now + 300_000 });
  assert.equal(missing(ahead, { fromMs: now - hour, toMs: now }, now)?.join, false);
});

test('the tile that covers most of a view is shown, and of equals the one of its zoom level', () => {
  const exact = tile(now - hour, now);
  const coarse = tile(now - 40 * hour, now, { resS: 30 });
  assert.equal(bestTile([exact, coarse], { fromMs: now - 24 * hour, toMs: now }), coarse);
  assert.equal(bestTile([coarse, exact], { fromMs: now - hour, toMs: now }), exact);
  assert.equal(bestTile([], { fromMs: 0, toMs: 1 }), undefined);
});

test('marks without a time are left out, others are in order of time', () => {
  const time = (ms: number) => new Date(ms).toISOString();
  const lists = { spans: [], healed: [], gaps: [], offline: [], deleted: [], runs: [], windows: [] };
  const view = {
    ...lists,
    res: 0,
    from: time(0),
    to: time(hour),
    pins: [{ id: 'p', from: time(5), to: time(5), text: '' }],
    markers: [
      { id: 'b', at: time(2_000), text: 'b' },
      { id: 'x', at: 'never', text: '' },
      { id: 'a', at: time(1_000), text: 'a' },
    ],
  };
  const read = readTile(view, 0, now);
  assert.deepEqual(
    read.markers.map(({ id }) => id),
    ['a', 'b'],
  );
  assert.deepEqual(read.pins, []);
});
