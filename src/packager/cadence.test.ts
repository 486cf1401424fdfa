import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Frame } from '@oxbow/media/frame';
import { videoFrames, videoTrack } from '../live/frames.fixture.ts';
import { measureCadence } from './cadence.ts';

const track = videoTrack();
const rateOf = (frames: readonly Frame[]) => {
  const { frameS } = measureCadence(track, [track], frames);
  return frameS === undefined ? undefined : Math.round(1000 / frameS) / 1000;
};
const second = (rate: number | 'variable', timescale = 90_000) =>
  videoFrames({ track: videoTrack(timescale), seconds: 1, rate, gopS: 1 });
const without = (frames: readonly Frame[], ...missing: number[]) => frames.filter((_, i) => !missing.includes(i));

test('rates that divide no clock are measured exactly (rule 8)', () => {
  for (const rate of [24_000 / 1001, 25, 30_000 / 1001, 50, 60_000 / 1001]) {
    assert.equal(rateOf(second(rate)), Math.round(rate * 1000) / 1000);
  }
});

test('an encoder that was delayed at its start and dropped frames still has a constant rate', () => {
  assert.equal(rateOf(without(second(25), 7)), 25);
  assert.equal(rateOf(without(second(25), 7, 8, 9, 10, 18)), 25);
  assert.equal(rateOf(without(second(30_000 / 1001), 3, 20)), 29.97);
});

test('with every third frame missing, or irregular times, the rate is variable', () => {
  assert.equal(rateOf(second(25).filter((_, i) => i % 3 !== 2)), undefined);
  assert.equal(rateOf(second('variable')), undefined);
});
