import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  clampToView,
  clampView,
  firstView,
  followView,
  fullView,
  lengthOf,
  NEAREST_MS,
  offeredZooms,
  panBy,
  type ZoomInput,
  zoomAbout,
  zoomOf,
  zoomTo,
} from './zoom.ts';

const now = Date.UTC(2026, 0, 31, 20, 0, 0);
const minute = 60_000;
const hour = 60 * minute;
const live: ZoomInput = { nowMs: now, firstMs: now - 72 * hour, shownMs: now - 1_000, live: true };
const shownAt = (shownMs: number): ZoomInput => ({ ...live, shownMs, live: false });
const last = (length: number) => ({ fromMs: now - length, toMs: now });

test('zooming keeps the time under the pointer in place', () => {
  const view = { fromMs: now - 10 * hour, toMs: now - 8 * hour };
  const atMs = now - 9.5 * hour; // a quarter from the left
  for (const factor of [1.25, 4, 0.5]) {
    const next = zoomAbout(view, factor, atMs, live);
    assert.ok(Math.abs(lengthOf(next) - (2 * hour) / factor) < 1);
    assert.ok(Math.abs((atMs - next.fromMs) / lengthOf(next) - 0.25) < 1e-9);
  }
});

test('zooming in and out again by the same factor comes back', () => {
  const view = { fromMs: now - 10 * hour, toMs: now - 8 * hour };
  const back = zoomAbout(zoomAbout(view, 3, now - 9 * hour, live), 1 / 3, now - 9 * hour, live);
  assert.ok(Math.abs(back.fromMs - view.fromMs) < 1 && Math.abs(back.toMs - view.toMs) < 1);
});

test('no zoom shows less than a minute, more than everything kept, or the future', () => {
  const near = zoomAbout(last(10 * minute), 1e6, now - 5 * minute, live);
  assert.equal(lengthOf(near), NEAREST_MS);
  assert.deepEqual(zoomAbout(last(10 * minute), 1e-6, now - 5 * minute, live), fullView(live));
  assert.deepEqual(panBy(last(hour), 5 * hour, live), last(hour));
  assert.equal(panBy(last(hour), -500 * hour, live).fromMs, live.firstMs);
});

test('any view is clamped to what is kept', () => {
  let seed = 7;
  const random = () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  for (let i = 0; i < 2_000; i += 1) {
    const fromMs = now + (random() - 0.5) * 400 * hour;
    const view = { fromMs, toMs: fromMs + random() * 300 * hour - hour };
    const { fromMs: from, toMs: to } = clampView(view, live);
    assert.ok(from >= fullView(live).fromMs - 1 && to <= now + 1 && to - from >= NEAREST_MS - 1, JSON.stringify(view));
  }
});

test('with little recorded the bar still shows two minutes', () => {
  assert.equal(lengthOf(fullView({ nowMs: now, firstMs: now - minute })), 2 * minute);
  assert.equal(lengthOf(fullView({ nowMs: now, firstMs: null })), 2 * minute);
});

test('the bar ends now while the picture is live', () => {
  const before = { fromMs: now - hour - 5_000, toMs: now - 5_000 };
  assert.deepEqual(followView(before, live, true), last(hour));
});

test('the bar does not move while a past picture plays in it, and centres the playhead before it leaves', () => {
  const view = { fromMs: now - 10 * hour, toMs: now - 9 * hour };
  assert.deepEqual(followView(view, shownAt(now - 9.5 * hour), true), view);
  const leaving = now - 9.02 * hour;
  const next = followView(view, shownAt(leaving), true);
  assert.equal((next.fromMs + next.toMs) / 2, leaving);
  assert.equal(lengthOf(next), hour);
});

test('a playhead at the very end or start does not move the bar', () => {
  assert.deepEqual(followView(last(hour), shownAt(now - minute), true), last(hour));
  const start = { fromMs: now - 72 * hour, toMs: now - 71 * hour };
  assert.deepEqual(followView(start, shownAt(now - 72 * hour + minute), true), start);
});

test('a bar that the viewer moved away stays there, whatever plays', () => {
  const view = { fromMs: now - 10 * hour, toMs: now - 9 * hour };
  assert.deepEqual(followView(view, live, false), view);
  assert.deepEqual(followView(view, shownAt(now - 2 * hour), false), view);
});

test('a bar at the start follows retention', () => {
  const view = { fromMs: now - 72 * hour, toMs: now - 71 * hour };
  const later = { ...shownAt(now - 71.5 * hour), firstMs: now - 71.9 * hour };
  assert.equal(followView(view, later, true).fromMs, later.firstMs);
});

test('the bar begins with all that is recorded, at most two hours, around a shared time', () => {
  assert.deepEqual(firstView({ ...live, firstMs: now - 5 * minute }), last(5 * minute));
  assert.equal(zoomOf(last(5 * minute), { nowMs: now, firstMs: now - 5 * minute }), 'all');
  assert.deepEqual(firstView(live), last(2 * hour));
  const shared = firstView(shownAt(now - 20 * hour));
  assert.equal(shared.fromMs, now - 21 * hour);
});

test('only distinct zooms are offered, and the current one is pressed', () => {
  assert.deepEqual(offeredZooms({ nowMs: now, firstMs: null }), ['all']);
  assert.deepEqual(offeredZooms({ nowMs: now, firstMs: now - hour }), ['10m', 'all']);
  assert.deepEqual(offeredZooms(live), ['10m', '2h', '24h', 'all']);
  assert.equal(zoomOf(last(2 * hour), live), '2h');
  assert.equal(zoomOf(last(3 * hour), live), null);
  assert.equal(zoomOf(fullView(live), live), 'all');
  assert.equal(zoomOf(last(2 * minute), { nowMs: now, firstMs: null }), 'all');
});

test('a button zooms about now while live, otherwise about the playhead', () => {
  assert.deepEqual(zoomTo('10m', last(2 * hour), live), last(10 * minute));
  const view = { fromMs: now - 10 * hour, toMs: now - 8 * hour };
  const next = zoomTo('10m', view, shownAt(now - 9.5 * hour));
  assert.ok(next.fromMs < now - 9.5 * hour && next.toMs > now - 9.5 * hour);
  assert.deepEqual(zoomTo('all', view, live), fullView(live));
});

test('a live picture newer than the last clock update is at the end of the bar, not outside', () => {
  const view = { fromMs: now - 600_000, toMs: now };
  assert.equal(clampToView(view, now + 700), now);
  assert.equal(clampToView(view, now - 700), now - 700);
  assert.equal(clampToView(view, now + 60_000), now + 60_000);
});
