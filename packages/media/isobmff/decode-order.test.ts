import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Frame } from '../frame.ts';
import { createDecodeOrder } from './decode-order.ts';

function frameAt(dts: number, pts: number): Frame {
  return { trackId: 1, dts, pts, duration: 10, key: false, data: new Uint8Array(1) };
}

function collect() {
  const frames: Frame[] = [];
  const damage: string[] = [];
  const order = createDecodeOrder(
    1000,
    (frame) => frames.push(frame),
    (reason) => damage.push(reason),
  );
  const times = () => frames.map(({ dts, pts }) => [dts, pts]);
  return { order, frames, damage, times };
}

suite('decode order', () => {
  test('frames with dts <= pts pass at once and as they are', () => {
    const { order, frames } = collect();
    const frame = frameAt(0, 20);
    order.push(frame, false);
    assert.equal(frames[0], frame);
  });

  test('negative offsets move all decode times of the run back by the same amount, pts stay', () => {
    const { order, times } = collect();
    const pts = [0, 40, 20, 10, 30, 80, 60, 50, 70];
    for (const [i, at] of pts.entries()) order.push(frameAt(i * 10, at), true);
    assert.deepEqual(times(), []);
    order.flush();
    assert.deepEqual(
      times(),
      pts.map((at, i) => [i * 10 - 20, at]),
    );
  });

  test('sixteen frames are enough to know', () => {
    const { order, frames } = collect();
    for (let i = 0; i < 15; i++) order.push(frameAt(i * 10, i * 10), true);
    assert.equal(frames.length, 0);
    order.push(frameAt(150, 150), true);
    assert.equal(frames.length, 16);
  });

  test('a deeper reordering later crowds a few decode times and loses no picture that can still be shown in time', () => {
    const { order, times, damage } = collect();
    order.push(frameAt(0, 0), false);
    order.push(frameAt(10, 40), false);
    order.push(frameAt(20, 15), false);
    order.push(frameAt(30, 30), false);
    order.push(frameAt(40, 50), false);
    assert.deepEqual(times(), [
      [0, 0],
      [10, 40],
      [15, 15],
      [25, 30],
      [35, 50],
    ]);
    assert.deepEqual(damage, []);
  });

  test('repeated frames are dropped and reported, a new timeline is passed on', () => {
    const { order, times, damage } = collect();
    for (const at of [1000, 1010, 1010, 1000, 1020, 0, 10]) order.push(frameAt(at, at), false);
    assert.deepEqual(
      times().map(([dts]) => dts),
      [1000, 1010, 1020, 0, 10],
    );
    assert.equal(damage.length, 2);
  });

  test('a new run forgets the shift', () => {
    const { order, times } = collect();
    order.push(frameAt(0, -20), true);
    order.reset();
    order.push(frameAt(0, 0), true);
    order.flush();
    assert.deepEqual(times(), [
      [-20, -20],
      [0, 0],
    ]);
  });
});
