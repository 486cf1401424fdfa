import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Frame } from '@oxbow/media/frame';
import { type PublisherCall, PublisherPipeline, type PublisherStage, type StageOutput } from './publisher-pipeline.ts';

const frame = (trackId: number): Frame => ({
  trackId,
  dts: 0,
  pts: 0,
  duration: 1,
  key: true,
  data: Uint8Array.of(),
});

/** Notes what it gets, and passes it on. */
class NotingStage implements PublisherStage {
  readonly name: string;
  readonly notes: string[];
  passesFrames: boolean;
  dropsFrames = false;
  #next!: StageOutput;

  constructor(name: string, notes: string[], passesFrames = false) {
    this.name = name;
    this.notes = notes;
    this.passesFrames = passesFrames;
  }

  connect(next: StageOutput): void {
    this.#next = next;
  }

  publish(each: Frame): void {
    this.notes.push(`${this.name} frame ${each.trackId}`);
    this.#next.publish(each);
  }

  make(call: PublisherCall): void {
    this.notes.push(`${this.name} ${call.do}`);
    this.#next.make(call);
  }
}

function open(passes: readonly boolean[], more: { suspend?: (detail: string) => void } = {}) {
  const notes: string[] = [];
  const stages = passes.map((passesFrames, index) => new NotingStage('abc'[index]!, notes, passesFrames));
  const input = new PublisherPipeline(stages, {
    startRun: () => void notes.push('stream startRun'),
    publish: ({ trackId }) => void notes.push(`stream frame ${trackId}`),
    jumps: () => true,
    flush: () => void notes.push('stream flush'),
    absent: (cause, detail) => void notes.push(`stream absent ${cause} ${detail}`),
    offline: (detail) => void notes.push(`stream offline ${detail}`),
    damage: (reason) => void notes.push(`stream damage ${reason}`),
    ...more,
  });
  return { input, stages, notes };
}

suite('the pipeline of publishers', () => {
  test('a frame meets the stages in their order, and none that passes frames', () => {
    const { input, notes } = open([false, true, false]);
    input.publish(frame(1));
    assert.deepEqual(notes, ['a frame 1', 'c frame 1', 'stream frame 1']);
  });

  test('a frame goes straight to the stream where no stage takes it', () => {
    const { input, stages, notes } = open([true, true]);
    input.publish(frame(1));
    assert.deepEqual(notes, ['stream frame 1']);
    stages[1]!.passesFrames = false;
    input.publish(frame(2));
    assert.deepEqual(notes.slice(1), ['b frame 2', 'stream frame 2']);
  });

  test('every other call meets every stage', () => {
    const { input, notes } = open([true, false]);
    input.flush();
    input.damage('torn');
    input.absent('source-down', 'gone');
    const calls = ['flush', 'damage', 'absent'];
    const results = ['flush', 'damage torn', 'absent source-down gone'];
    assert.deepEqual(
      notes,
      calls.flatMap((call, index) => [`a ${call}`, `b ${call}`, `stream ${results[index]}`]),
    );
  });

  test('a stream that cannot keep its run open for a publisher that left is offline', () => {
    const { input, notes } = open([]);
    input.suspend('left');
    const kept: string[] = [];
    open([], { suspend: (detail) => void kept.push(detail) }).input.suspend('left');
    assert.deepEqual([notes, kept], [['stream offline left'], ['left']]);
  });

  test('timestamps do not jump while a stage drops the media', () => {
    const { input, stages } = open([true, true]);
    assert.equal(input.jumps(frame(1)), true);
    stages[1]!.dropsFrames = true;
    assert.equal(input.jumps(frame(1)), false);
  });
});
