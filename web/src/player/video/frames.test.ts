import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Frames, type RunFragment } from './frames.ts';

const base = 1_795_160_400_000;

/**
 * Two runs: three fragments of 2 s, a hole of a minute that the playlist leaves out, then two more; dates are
 * 15 ms off.
 */
const fragments: RunFragment[] = [0, 2, 4, 66, 68].map((second, index) => ({
  start: index * 2 + 0.015,
  duration: 2,
  programDateTime: base + second * 1000,
  sn: index,
  cc: second < 60 ? 0 : 1,
  relurl: `/live/cam/av0/${(second < 60 ? 100 : 900) + index}.m4s`,
}));

function setUp(e: Record<number, number>) {
  const missed: number[] = [];
  const frames = new Frames({
    utcOffsetOf: (msn) => e[msn < 900 ? 1 : 2] ?? null,
    missed: (atMs) => missed.push(atMs),
    found: () => {},
  });
  frames.listed(fragments);
  return { frames, missed };
}

test('with the UTC offset of the run and the initial PTS, the time of a frame is exact, whatever the start of its fragment', () => {
  const { frames, missed } = setUp({ 1: base - 50_000, 2: base + 20_000 });
  frames.rebased(0, 50);
  frames.rebased(1, 40);
  assert.equal(frames.timeOf(0.04), base + 40);
  assert.equal(frames.timeOf(5.96), base + 5_960);
  assert.equal(frames.timeOf(6.04), base + 66_040);
  assert.deepEqual(missed, []);
});

test('the first frame after a discontinuity belongs to the new run, although it precedes the first audio there', () => {
  const { frames } = setUp({ 1: base - 50_000, 2: base + 20_000 });
  frames.rebased(0, 50);
  frames.rebased(1, 40);
  assert.equal(frames.timeOf(6), base + 66_000);
});

test('without the UTC offset the dates of the playlist are used, and the UTC offset is requested', () => {
  const { frames, missed } = setUp({});
  frames.rebased(0, 50);
  assert.ok(Math.abs(frames.timeOf(2.055)! - (base + 2_040)) < 1e-6);
  assert.deepEqual(missed, [base + 2_000]);
});

test('a UTC offset that does not match the playlist belongs to another run: the dates are used', () => {
  const { frames, missed } = setUp({ 1: base - 350_000 });
  frames.rebased(0, 50);
  assert.ok(Math.abs(frames.timeOf(2.055)! - (base + 2_040)) < 1e-6);
  assert.equal(missed.length, 1);
});

test('before the first playlist there is no time', () => {
  assert.equal(new Frames({ utcOffsetOf: () => null, missed: () => {}, found: () => {} }).timeOf(1), null);
});
