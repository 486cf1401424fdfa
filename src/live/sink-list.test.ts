import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Frame } from '@oxbow/media/frame';
import { createManualClock } from '../lib/clock.ts';
import { audioFrames, audioTrack, interleave, videoFrames, videoTrack } from './frames.fixture.ts';
import { KeyFrameRequests } from './key-frame-requests.ts';
import type { RunContext, Sink } from './sink.ts';
import { SinkList } from './sink-list.ts';
import type { SinkEvent } from './stream-event.ts';

const tracks = [videoTrack(), audioTrack()];
const [video] = tracks as [ReturnType<typeof videoTrack>];
const frames = interleave(tracks, [
  videoFrames({ track: video, seconds: 6, rate: 25, gopS: 2, startS: 0 }),
  audioFrames({ track: tracks[1]!, seconds: 6, startS: 0 }),
]);
const context: RunContext = {
  run: { id: 1, utcOffsetUs: 5_000_000, clock: 'source' },
  tracks,
  reference: video,
  pace: { kind: 'continuous' },
  startUs: 5_000_000,
  gaps: [{ fromUs: 0, toUs: 5_000_000, cause: 'offline', detail: '' }],
};
const indexAt = (seconds: number) => frames.findIndex(({ trackId, dts }) => trackId === 1 && dts >= seconds * 90_000);

/** A sink that remembers its calls. */
function recorder(): Sink & { readonly calls: string[]; readonly contexts: RunContext[]; readonly frames: Frame[] } {
  const calls: string[] = [];
  const contexts: RunContext[] = [];
  const written: Frame[] = [];
  return {
    calls,
    contexts,
    frames: written,
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
  const clock = createManualClock();
  const events: SinkEvent[] = [];
  /** When the source was requested a key frame, monotonic ms. */
  const requests: number[] = [];
  const keyFrames = new KeyFrameRequests(clock, () => () => requests.push(clock.monotonicMs()));
  const list = new SinkList({ clock, keyFrames, emit: (event) => events.push(event) });
  return { clock, events, requests, list };
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
    assert.deepEqual(late.contexts, [{ ...context, startUs: 7_000_000, gaps: [] }]);
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
      const { list, events } = open();
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
      assert.deepEqual(events, [{ type: 'sink-failed', sink: 'bad', error }]);
    });
  }

  test('and is required ends the call of the publisher', () => {
    const { list, events } = open();
    const bad = recorder();
    bad.write = () => {
      throw new Error('a bug');
    };
    list.attach(bad, { name: 'packager', required: true });
    list.startRun(context);
    assert.throws(() => list.write(frames[0]!), /a bug/);
    assert.deepEqual(events, []);
  });
});

suite('sinks that start with the last key frame', () => {
  test('get the tracks and the frames since the last key frame at once, while a GOP buffer is kept', () => {
    const { list } = open();
    using _ = list.bufferGop();
    list.startRun(context);
    const late = recorder();
    for (const [i, frame] of frames.entries()) {
      if (i === indexAt(3)) list.attach(late, { name: 'late', fromKeyFrame: true });
      if (i === indexAt(3)) assert.deepEqual(late.frames, frames.slice(indexAt(2), i));
      list.write(frame);
    }
    assert.deepEqual(late.frames, frames.slice(indexAt(2)));
    assert.deepEqual(late.contexts, [{ ...context, startUs: 7_000_000, gaps: [] }]);
  });

  test('wait for a key frame where nothing was kept; the next ones start at once, until the last one is detached', () => {
    const { list } = open();
    list.startRun(context);
    const [first, second, third] = [recorder(), recorder(), recorder()];
    const held: Disposable[] = [];
    const bytes: number[] = [];
    for (const [i, frame] of frames.entries()) {
      if (i === indexAt(1)) held.push(list.attach(first, { name: 'late', fromKeyFrame: true }));
      if (i === indexAt(3)) held.push(list.attach(second, { name: 'late', fromKeyFrame: true }));
      if (i === indexAt(4.5)) for (const attachment of held) attachment[Symbol.dispose]();
      if (i === indexAt(5)) list.attach(third, { name: 'late', fromKeyFrame: true });
      if ([1, 3, 5].some((seconds) => i === indexAt(seconds))) bytes.push(list.pressure().gop.bytes);
      list.write(frame);
    }
    assert.deepEqual(first.frames, frames.slice(indexAt(2), indexAt(4.5)));
    assert.deepEqual(second.frames, first.frames);
    assert.deepEqual(third.frames, []);
    assert.deepEqual(
      bytes.map((count) => count > 0),
      [false, true, false],
    );
  });

  test('wait for a key frame when the GOP is too large for the buffer', () => {
    const { list, events, requests } = open();
    using _ = list.bufferGop();
    list.startRun(context);
    const huge = new Uint8Array(33 * 1024 * 1024);
    const [key, ...others] = frames.slice(indexAt(2), indexAt(2) + 4).map((frame) => ({ ...frame, data: huge }));
    for (const frame of [key!, ...others]) list.write(frame);
    const rejected = events.filter(({ type }) => type !== 'pressure');
    assert.deepEqual(rejected, [{ type: 'gop-too-large' }]);
    assert.equal(list.pressure().gop.bytes, 0);
    const late = recorder();
    assert.deepEqual(requests, []);
    list.attach(late, { name: 'late', fromKeyFrame: true });
    assert.equal(requests.length, 1, 'it waits for a key frame');
    for (const frame of [...others, key!, ...others]) list.write(frame);
    assert.deepEqual(late.frames, [key, ...others]);
  });

  test('get nothing of a run that is over, and the soft one that continues a run from its own key frame on', () => {
    const { list } = open();
    using _ = list.bufferGop();
    list.startRun(context);
    for (const frame of frames.slice(0, indexAt(2))) list.write(frame);
    const soft = { ...context, run: { ...context.run, utcOffsetUs: 6_000_000 }, soft: true as const };
    list.startRun(soft);
    for (const frame of frames.slice(indexAt(2), indexAt(3))) list.write(frame);
    const late = recorder();
    list.attach(late, { name: 'late', fromKeyFrame: true });
    assert.deepEqual(late.frames, frames.slice(indexAt(2), indexAt(3)));
    assert.deepEqual(late.contexts, [{ ...context, run: soft.run, startUs: 8_000_000, gaps: [] }]);
    list.endRun();
    const later = recorder();
    list.attach(later, { name: 'late', fromKeyFrame: true });
    assert.deepEqual(later.calls, []);
  });

  test('that throw meanwhile are detached', () => {
    const { list, events } = open();
    using _ = list.bufferGop();
    list.startRun(context);
    for (const frame of frames) list.write(frame);
    const bad = recorder();
    const error = new Error('a bug');
    bad.write = () => {
      throw error;
    };
    list.attach(bad, { name: 'bad', fromKeyFrame: true });
    list.endRun();
    assert.deepEqual(bad.calls, ['startRun']);
    assert.deepEqual(events, [{ type: 'sink-failed', sink: 'bad', error }]);
  });
});

suite('losses and queues', () => {
  test('losses are reported at most once a second for each name, and all of them in the end', () => {
    const { list, clock, events } = open();
    const attachment = list.attach(recorder(), { name: 'whep' });
    list.startRun(context);
    list.lost('whep', 'slow', { gops: 1, frames: 10 });
    list.lost('whep', 'slow', { gops: 0, frames: 1 });
    list.lost('srt', 'slow', { gops: 0, frames: 7 });
    clock.advance(999);
    list.lost('whep', 'slow', { gops: 1, frames: 20 });
    assert.equal(events.length, 2);
    clock.advance(1);
    list.write(frames[indexAt(2)]!);
    list.lost('whep', 'slow', { gops: 0, frames: 3 });
    attachment[Symbol.dispose]();
    assert.deepEqual(events, [
      { type: 'sink-lost', sink: 'whep', cause: 'slow', gops: 1, frames: 10 },
      { type: 'sink-lost', sink: 'srt', cause: 'slow', gops: 0, frames: 7 },
      { type: 'sink-lost', sink: 'whep', cause: 'slow', gops: 1, frames: 21 },
      { type: 'sink-lost', sink: 'whep', cause: 'slow', gops: 0, frames: 3 },
    ]);
  });

  test('closing detaches every sink and notifies it', () => {
    const { list } = open();
    const detached: string[] = [];
    list.attach({ ...recorder(), detached: () => void detached.push('a') }, { name: 'a' });
    list.startRun(context);
    list.attach({ ...recorder(), detached: () => void detached.push('b') }, { name: 'b' });
    list.close();
    list.write(frames[0]!);
    assert.deepEqual(detached, ['a', 'b']);
  });
});
