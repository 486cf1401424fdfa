import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type SteppedBuffer, Steps } from './steps.ts';

/** Shows the last of `frames` at or before each seek. */
class FakeBuffer implements SteppedBuffer {
  readonly frames: readonly number[];
  readonly picture = { frameS: 0.04, mediaTime: 0 };
  seeks: number[] = [];

  constructor(frames: readonly number[], at: number) {
    this.frames = frames;
    this.picture.mediaTime = at;
  }

  seekTo(seconds: number): void {
    this.seeks.push(seconds);
  }

  /** The seek is done and its frame is on the screen. */
  arrive(): void {
    const { picture } = this;
    picture.mediaTime = this.frames.findLast((one) => one <= this.seeks.at(-1)!) ?? picture.mediaTime;
  }
}

const even = Array.from({ length: 50 }, (_, index) => Math.round(index * 40) / 1000);

test('a step is a seek to the middle of the neighbouring frame', () => {
  const steps = new Steps();
  const buffer = new FakeBuffer(even, 0.4);
  steps.step(buffer, 1, 0);
  buffer.arrive();
  steps.shown(buffer, 10);
  assert.equal(buffer.picture.mediaTime, 0.44);
  steps.step(buffer, -1, 20);
  buffer.arrive();
  steps.shown(buffer, 30);
  assert.equal(buffer.picture.mediaTime, 0.4);
  assert.equal(steps.stepping, false);
});

test('requests during a step are handled one after the other', () => {
  const steps = new Steps();
  const buffer = new FakeBuffer(even, 0.4);
  for (let turn = 0; turn < 3; turn++) steps.step(buffer, 1, turn);
  for (let turn = 0; turn < 3; turn++) {
    buffer.arrive();
    steps.shown(buffer, 10 + turn);
  }
  assert.equal(buffer.picture.mediaTime, 0.52);
  assert.equal(buffer.seeks.length, 3);
});

test('if the next frame is further away than usual, the step looks further', () => {
  const steps = new Steps();
  const buffer = new FakeBuffer([0.36, 0.4, 0.52], 0.4);
  steps.step(buffer, 1, 0);
  for (let turn = 0; turn < 6 && steps.stepping; turn++) {
    buffer.arrive();
    steps.shown(buffer, turn);
  }
  assert.equal(buffer.picture.mediaTime, 0.52);
});

test('a late frame is still one step', () => {
  for (const by of [1, -1] as const) {
    const steps = new Steps();
    const buffer = new FakeBuffer(even, 0.4);
    steps.step(buffer, by, 0);
    steps.shown(buffer, 1); // the seek has ended, its frame is not reported yet
    steps.shown(buffer, 2);
    for (let turn = 0; turn < 3 && steps.stepping; turn++) {
      buffer.arrive();
      steps.shown(buffer, 10 + turn);
    }
    assert.equal(buffer.picture.mediaTime, by === 1 ? 0.44 : 0.36);
    assert.equal(steps.stepping, false);
  }
});

test('a frame that never arrives does not block the next request', () => {
  const steps = new Steps();
  const buffer = new FakeBuffer(even, 0.4);
  steps.step(buffer, 1, 0);
  steps.step(buffer, 1, 2_000);
  assert.equal(buffer.seeks.length, 2);
});

test('a step that is postponed is made from the first frame, unless the viewer plays', () => {
  const steps = new Steps();
  const buffer = new FakeBuffer(even, 0.4);
  steps.postpone(-1);
  steps.shown(buffer, 10);
  buffer.arrive();
  steps.shown(buffer, 20);
  assert.equal(buffer.picture.mediaTime, 0.36);
  assert.equal(steps.stepping, false);
  steps.postpone(1);
  steps.forget();
  steps.shown(buffer, 30);
  assert.equal(buffer.seeks.length, 1);
});
