import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OpusTimeline } from './opus-timeline.ts';

const BLOCK = 960;

/** A timeline, and the blocks that it has delivered. */
function open() {
  const times: number[] = [];
  const samples: number[] = [];
  const timeline = new OpusTimeline(1, (pts, block) => {
    times.push(pts);
    samples.push(...block);
  });
  return { timeline, times, samples };
}

const piece = (count: number, value = 1) => [new Float32Array(count).fill(value)];
const areJoined = (times: readonly number[]) => times.every((pts, i) => pts === times[0]! + i * BLOCK);

test('pieces of any length become blocks of 20 ms, from the time of the first sample on', () => {
  const { timeline, times } = open();
  for (let i = 0; i < 15; i++) timeline.push(500 + i * 1024, piece(1024));
  assert.equal(times[0], 500);
  assert.equal(times.length, 16);
  assert.ok(areJoined(times));
});

test('times rounded to milliseconds change no sample', () => {
  const { timeline, times, samples } = open();
  for (let i = 0; i < 200; i++) timeline.push(Math.round((i * 1024) / 48) * 48, piece(1024));
  assert.ok(areJoined(times));
  assert.ok(samples.every((sample) => sample === 1));
  assert.equal(times.length, Math.floor((200 * 1024) / BLOCK));
});

for (const [name, step] of [
  ['fast', 1025],
  ['slow', 1023],
] as const) {
  test(`a clock that is 0.1 % too ${name} is followed within 15 ms, without a hole and without a jump`, () => {
    const { timeline, times, samples } = open();
    const count = 3000;
    for (let i = 0; i < count; i++) timeline.push(i * step, piece(1024));
    assert.ok(areJoined(times));
    assert.ok(samples.every((sample) => sample === 1));
    const left = count * step - (times.at(-1)! + BLOCK);
    assert.ok(left > -720 && left < BLOCK + 720, `${left} samples from the end`);
  });
}

test('a hole becomes silence of the same length', () => {
  const { timeline, times, samples } = open();
  timeline.push(0, piece(BLOCK));
  timeline.push(3 * BLOCK, piece(BLOCK, 2));
  assert.deepEqual(times, [0, BLOCK, 2 * BLOCK, 3 * BLOCK]);
  assert.deepEqual([samples[BLOCK - 1], samples[BLOCK], samples[3 * BLOCK - 1], samples[3 * BLOCK]], [1, 0, 0, 2]);
});

test('samples of a time that is over are left out', () => {
  const { timeline, times, samples } = open();
  timeline.push(0, piece(4 * BLOCK));
  timeline.push(2 * BLOCK, piece(3 * BLOCK, 2));
  timeline.push(2 * BLOCK, piece(BLOCK, 3));
  assert.deepEqual(
    times,
    [0, 1, 2, 3, 4].map((i) => i * BLOCK),
  );
  assert.deepEqual([samples[4 * BLOCK - 1], samples[4 * BLOCK]], [1, 2]);
});

test('after a long hole the timeline begins again at the new time', () => {
  const { timeline, times } = open();
  timeline.push(0, piece(1000));
  timeline.push(1_000_000, piece(BLOCK));
  assert.deepEqual(times, [0, BLOCK, 1_000_000]);
});

test('the end fills the last block with silence', () => {
  const { timeline, times, samples } = open();
  timeline.push(0, piece(100));
  timeline.finish(50);
  timeline.finish();
  assert.deepEqual(times, [0]);
  assert.deepEqual([samples[99], samples[100], samples.length], [1, 0, BLOCK]);
});
