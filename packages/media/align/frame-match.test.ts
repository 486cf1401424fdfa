import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '../random.fixture.ts';
import { type HashedFrame, matchFrames } from './frame-match.ts';

/** Frames of 40 ms. */
const frames = (names: readonly string[], fromUs: number): HashedFrame[] =>
  names.map((hash, i) => ({ hash, us: fromUs + i * 40_000 }));
const names = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `f${from + i}`);

test('the same frames give the exact offset, wherever they overlap', () => {
  const match = matchFrames(frames(names(0, 100), 5_000_000), frames(names(60, 200), 1_000));
  assert.deepEqual(match, { isFound: true, offsetUs: 5_000_000 + 60 * 40_000 - 1_000, frames: 40 });
});

test('times that another timescale rounds agree', () => {
  const random = seeded(1);
  const rounded = frames(names(0, 50), 0).map(({ hash, us }) => ({ hash, us: us + random(1000) - 500 }));
  const match = matchFrames(frames(names(0, 50), 70_000_000), rounded);
  assert.ok(match.isFound && Math.abs(match.offsetUs - 70_000_000) < 500);
});

test('other encodes, too few frames, still pictures and contradictions give no offset', () => {
  const reference = frames(names(0, 50), 0);
  assert.deepEqual(matchFrames(reference, frames(names(100, 150), 0)), { isFound: false, reason: 'different' });
  assert.deepEqual(matchFrames(reference, frames(names(46, 90), 0)), { isFound: false, reason: 'different' });
  const still = frames(
    Array.from({ length: 50 }, (_, i) => `s${i % 2}`),
    0,
  );
  assert.deepEqual(matchFrames(still, still), { isFound: false, reason: 'repeated' });
  const repeats = [...frames(names(0, 20), 0), ...frames(names(20, 40), 60_000_000)];
  assert.deepEqual(matchFrames(reference, repeats), { isFound: false, reason: 'repeated' });
});
