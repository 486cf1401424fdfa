import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Frame } from '../../frame.ts';
import { h264Config } from '../../h264/avcc.ts';
import { PPS, printSps } from '../../mpegts/packets.fixture.ts';
import { seeded } from '../../random.fixture.ts';
import { measuredDepth, PictureTimes, reorderDepth } from './picture-times.ts';
import { mainSps } from './receive.fixture.ts';

const STEP = 3600;
const data = Uint8Array.of(1);

/** Frames from the presentation order of pictures in decode order, in frame durations. */
function timed(order: readonly number[], depth: number, frameRate: number | undefined = 25) {
  const frames: Frame[] = [];
  const damage: string[] = [];
  const out = { frame: (frame: Frame) => frames.push(frame), damage: (reason: string) => damage.push(reason) };
  const times = new PictureTimes(1, 90_000, depth, frameRate, out);
  for (const [i, shown] of order.entries()) times.push({ pts: 900_000 + shown * STEP, key: i === 0, data });
  times.flush();
  return { frames, damage };
}

const repeat = (pattern: readonly number[], count: number) =>
  Array.from({ length: count }, (_, i) => pattern.map((shown) => shown + i * pattern.length)).flat();

test('without reordering decode times are presentation times, and no frame waits once the rate is even', () => {
  const frames: Frame[] = [];
  const times = new PictureTimes(1, 90_000, 0, 25, { frame: (frame) => frames.push(frame), damage: assert.fail });
  for (let i = 0; i < 20; i++) {
    times.push({ pts: 900_000 + i * STEP, key: i === 0, data });
    assert.equal(frames.length, i < 5 ? i : i + 1);
  }
  assert.ok(frames.every(({ dts, pts, duration }) => dts === pts && duration === STEP));
});

test('B pictures get decode times that rise by a step and never exceed presentation times (ITU-T H.264, C.4.5.3)', () => {
  for (const [pattern, depth] of [
    [[0, 2, 1], 1],
    [[0, 3, 1, 2], 1],
    [[0, 4, 2, 1, 3], 2],
  ] as const) {
    const order = [...pattern.slice(0, 1), ...repeat(pattern.slice(1), 20)];
    const { frames, damage } = timed(order, depth);
    assert.deepEqual(damage, []);
    assert.equal(frames.length, order.length);
    for (const [i, { dts, pts, duration }] of frames.entries()) {
      assert.equal(dts, 900_000 + (i - depth) * STEP);
      assert.equal(pts, 900_000 + order[i]! * STEP);
      assert.ok(dts <= pts);
      assert.equal(duration, STEP);
    }
    assert.equal(measuredDepth(order.slice(0, 8)), depth);
  }
});

test('a depth that is too small is corrected: at most a few frames are dropped, and the others keep their order', () => {
  const order = [0, ...repeat([4, 2, 1, 3], 20)];
  const { frames, damage } = timed(order, 0);
  assert.ok(damage.length >= 1 && damage.length <= 6, String(damage.length));
  for (const [i, { dts, pts }] of frames.entries()) {
    assert.ok(dts <= pts && (i === 0 || dts > frames[i - 1]!.dts));
  }
  assert.equal(frames.length + damage.length, order.length);
});

test('a pause without a loss is a long frame; after a loss it is a hole', () => {
  for (const afterLoss of [false, true]) {
    const frames: Frame[] = [];
    const times = new PictureTimes(1, 90_000, 0, undefined, {
      frame: (frame) => frames.push(frame),
      damage: assert.fail,
    });
    times.push({ pts: 90_000, key: true, data });
    times.push({ pts: 93_000, key: false, data });
    times.push({ pts: 273_000, key: true, data, afterLoss });
    assert.deepEqual(
      frames.map(({ duration }) => duration),
      [3000, afterLoss ? 3000 : 180_000],
    );
  }
});

test('uneven frames wait for their successor, which gives their duration', () => {
  const { frames } = timed([0, 1, 3, 4, 7, 8, 12], 0, undefined);
  assert.deepEqual(
    frames.map(({ duration }) => duration / STEP),
    [1, 2, 1, 3, 1, 4, 4],
  );
});

test('the depth follows from profile and order counts, or is not known', () => {
  assert.equal(reorderDepth(h264Config([printSps()], [PPS])), 0);
  assert.equal(reorderDepth(h264Config([mainSps(2)], [PPS])), 0);
  assert.equal(reorderDepth(h264Config([mainSps(0)], [PPS])), undefined);
});

test('a frame begins where the one before ends, although the clock of the sender jitters', () => {
  const random = seeded(3);
  for (const [rate, stated] of [
    [30, 30],
    [60_000 / 1001, undefined],
    [25, 25.01],
  ] as const) {
    const frames: Frame[] = [];
    const times = new PictureTimes(1, 90_000, 0, stated, { frame: (frame) => frames.push(frame), damage: assert.fail });
    const wanted = Array.from({ length: 900 }, (_, i) => 900_000 + (i / rate) * 90_000);
    for (const at of wanted) times.push({ pts: Math.round(at + random(80)), key: at === wanted[0], data });
    times.flush();
    for (const [i, { dts, pts }] of frames.entries()) {
      const before = frames[i - 1];
      if (before) assert.equal(dts, before.dts + before.duration, `frame ${i} at ${rate}`);
      assert.ok(Math.abs(pts - wanted[i]!) <= 180);
    }
  }
});
