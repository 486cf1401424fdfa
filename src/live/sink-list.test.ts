import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Frame } from '../media/frame.ts';
import { audioFrames, audioTrack, interleave, videoFrames, videoTrack } from './frames.fixture.ts';
import type { RunContext, Sink } from './sink.ts';
import { SinkList } from './sink-list.ts';

const tracks = [videoTrack(), audioTrack()];
const [video] = tracks as [ReturnType<typeof videoTrack>];
const frames = interleave(tracks, [
  videoFrames({ track: video, seconds: 6, rate: 25, gopS: 2, startS: 0 }),
  audioFrames({ track: tracks[1]!, seconds: 6, startS: 0 }),
]);
const context: RunContext = {
  run: { id: 1, eUs: 5_000_000, clock: 'source' },
  tracks,
  reference: video,
  pace: { kind: 'continuous' },
  startUs: 5_000_000,
  absences: [{ fromUs: 0, toUs: 5_000_000, cause: 'offline', detail: '' }],
};
const indexAt = (seconds: number) => frames.findIndex(({ trackId, dts }) => trackId === 1 && dts >= seconds * 90_000);

/** A sink that remembers its calls. */
function recorder(): Sink & { readonly calls: string[]; readonly contexts: RunContext[]; readonly frames: Frame[] } {
  const calls: string[] = [];
  const contexts: RunContext[] = [];
  const written: Frame[] = [];
  return {
    ...{ calls, contexts, frames: written },
    startRun(started) {
      calls.push('startRun');
      contexts.push(started);
    },
    write(frame) {
      calls.push('write');
      written.push(frame);
    },
    flush: () => void calls.push('flush'),
    endRun: () => void calls.push('endRun'),
    damage: () => void calls.push('damage'),
  };
}

function open() {
  const failures: { sink: string; error: unknown }[] = [];
  return { failures, list: new SinkList((failure) => failures.push(failure)) };
}

suite('attaching at any time', () => {
  test('a sink that is attached between runs gets the next run as it is', () => {
    const { list } = open();
    const sink = recorder();
    list.attach(sink, { name: 'test' });
    list.startRun(context);
    for (const frame of frames) list.write(frame);
    assert.deepEqual(sink.frames, frames);
    assert.equal(sink.contexts[0], context);
  });

  test('a sink that is attached within a run gets it from the next key frame on', () => {
    const { list } = open();
    list.startRun({ ...context, soft: true });
    const late = recorder();
    for (const [i, frame] of frames.entries()) {
      if (i === indexAt(1)) list.attach(late, { name: 'late' });
      list.write(frame);
    }
    assert.deepEqual(late.frames, frames.slice(indexAt(2)));
    assert.deepEqual(late.contexts, [{ ...context, startUs: 7_000_000, absences: [] }]);
  });

  test('a sink that waits for a key frame when the run ends gets no end, and the next run', () => {
    const { list } = open();
    list.startRun(context);
    const late = recorder();
    list.attach(late, { name: 'late' });
    list.flush();
    list.damage();
    list.endRun();
    assert.deepEqual(late.calls, []);
    list.startRun(context);
    assert.equal(late.contexts[0], context);
  });

  test('a detached sink gets nothing more, also when it waited for a key frame', () => {
    const { list } = open();
    const [a, b] = [recorder(), recorder()];
    const detachA = list.attach(a, { name: 'a' });
    list.startRun(context);
    const detachB = list.attach(b, { name: 'b' });
    detachA[Symbol.dispose]();
    detachB[Symbol.dispose]();
    detachB[Symbol.dispose]();
    for (const frame of frames) list.write(frame);
    list.endRun();
    assert.deepEqual([a.calls, b.calls], [['startRun'], []]);
  });

  test('a sink may attach and detach sinks while it is called', () => {
    const { list } = open();
    const sink = recorder();
    const late = recorder();
    const own = list.attach(
      {
        ...sink,
        write(frame) {
          sink.write(frame);
          if (sink.frames.length === 3) own[Symbol.dispose]();
          if (sink.frames.length === 3) list.attach(late, { name: 'late' });
        },
      },
      { name: 'test' },
    );
    list.startRun(context);
    for (const frame of frames) list.write(frame);
    assert.equal(sink.frames.length, 3);
    assert.deepEqual(late.frames, frames.slice(indexAt(2)));
  });
});

suite('a sink that throws', () => {
  for (const call of ['startRun', 'write', 'flush', 'endRun', 'damage'] as const) {
    test(`in ${call} is detached and reported once; the others get every call`, () => {
      const { list, failures } = open();
      const [before, after] = [recorder(), recorder()];
      const error = new Error('a bug');
      const fail = () => {
        throw error;
      };
      list.attach(before, { name: 'before' });
      list.attach({ ...recorder(), [call]: fail }, { name: 'bad' });
      list.attach(after, { name: 'after' });
      for (let i = 0; i < 2; i++) {
        list.startRun(context);
        list.write(frames[0]!);
        list.flush();
        list.damage();
        list.endRun();
      }
      const once = ['startRun', 'write', 'flush', 'damage', 'endRun'];
      assert.deepEqual(
        [before.calls, after.calls],
        [
          [...once, ...once],
          [...once, ...once],
        ],
      );
      assert.deepEqual(failures, [{ sink: 'bad', error }]);
    });
  }

  test('and is required ends the call of the publisher', () => {
    const { list, failures } = open();
    const bad = recorder();
    bad.write = () => {
      throw new Error('a bug');
    };
    list.attach(bad, { name: 'packager', required: true });
    list.startRun(context);
    assert.throws(() => list.write(frames[0]!), /a bug/);
    assert.deepEqual(failures, []);
  });
});
