import assert from 'node:assert/strict';
import { test } from 'node:test';
import type Hls from 'hls.js';
import { Choices } from './choices.ts';
import { FakeHls } from './fakes.fixture.ts';

test('on a slow network hls.js chooses among lower qualities, and later among all', () => {
  const hls = new FakeHls({});
  hls.levels = [100_000, 400_000, 900_000].map((bitrate) => ({ bitrate, uri: `/live/cam/v0-${bitrate}.m3u8` }));
  const choices = new Choices();
  const cappingAt = (mostBitrate: number | null) => {
    choices.mostBitrate = mostBitrate;
    choices.apply(hls as unknown as Hls);
    return (hls as unknown as Hls).autoLevelCapping;
  };
  assert.equal(cappingAt(899_999), 1);
  assert.equal(cappingAt(99_999), 0, 'the lowest is always allowed');
  assert.equal(cappingAt(null), -1);
});

test('the quality that is loaded is too much for a slow network: the next lower one is the best, each time', () => {
  const hls = new FakeHls({});
  hls.levels = [100_000, 400_000, 900_000].map((bitrate) => ({ bitrate, uri: `/asset/a/v0-${bitrate}.m3u8` }));
  const real = hls as unknown as Hls;
  const choices = new Choices();
  const ease = (isSlow: boolean) => {
    choices.ease(real, isSlow);
    choices.apply(real);
    return real.autoLevelCapping;
  };
  real.loadLevel = 2;
  assert.equal(ease(true), 1);
  real.loadLevel = 1;
  assert.equal(ease(true), 0);
  assert.equal(ease(false), -1);
  choices.ease(null, true);
  assert.equal(choices.mostBitrate, null, 'nothing is loaded yet');
});

test('a limit by the size of the picture stays, and the lower of the two counts', () => {
  const hls = new FakeHls({});
  hls.levels = [100_000, 400_000, 900_000].map((bitrate) => ({ bitrate, uri: `/live/cam/v0-${bitrate}.m3u8` }));
  const choices = new Choices();
  const real = hls as unknown as Hls;
  const cappingAt = (mostBitrate: number | null) => {
    choices.mostBitrate = mostBitrate;
    choices.apply(real);
    return real.autoLevelCapping;
  };
  real.autoLevelCapping = 1;
  assert.equal(cappingAt(null), 1);
  assert.equal(cappingAt(899_999), 1);
  assert.equal(cappingAt(399_999), 0);
  real.autoLevelCapping = 2; // the picture grows meanwhile
  assert.equal(cappingAt(399_999), 0);
  assert.equal(cappingAt(null), 2);
});

test('an upright quality is named by its short side', () => {
  const hls = new FakeHls({});
  hls.levels = [
    { width: 720, height: 1280, bitrate: 900_000, uri: '/live/cam/v0-720.m3u8' },
    { width: 270, height: 480, bitrate: 300_000, uri: '/live/cam/v0-270.m3u8' },
    { width: 854, height: 480, bitrate: 400_000, uri: '/live/cam/v0-480.m3u8' },
  ];
  const { qualities } = new Choices().offers(hls as unknown as Hls);
  assert.deepEqual(
    qualities.map(({ height }) => height),
    [720, 480, 270],
  );
});
