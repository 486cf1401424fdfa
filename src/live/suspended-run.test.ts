import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Frame, Track } from '@oxbow/media/frame';
import { ArrivalClock } from './arrival-clock.ts';
import { audioFrames, interleave, videoFrames } from './frames.fixture.ts';
import { audio, type Heard, NOW_US, open, publish, video } from './stream.fixture.ts';

const tracks = [video, audio];
/** 20 s with a key frame each second: one frame each 40 ms from 1 s on. */
const media = interleave(tracks, [
  videoFrames({ track: video, seconds: 20, rate: 25, gopS: 1, startS: 1, delay: 1 }),
  audioFrames({ track: audio, seconds: 20, startS: 1 }),
]);
const between = (fromS: number, toS: number) =>
  media.filter(({ trackId, dts }) => {
    const s = dts / (trackId === 1 ? video : audio).timescale;
    return s >= fromS && s < toS;
  });

function connect(heard: Heard, withTracks = tracks): void {
  const arrival = new ArrivalClock();
  arrival.add(0, NOW_US, 0);
  const pace = { kind: 'continuous' } as const;
  heard.stream.startRun({ tracks: withTracks, utcOffsetUs: NOW_US, arrival, clock: 'arrival', pace });
}

/** A publisher that sends the media of [1, 5.5) s and leaves; another one connects `awayMs` later. */
function leave({ awayMs = 1000, returnsWith = tracks } = {}) {
  const heard = open();
  connect(heard);
  publish(heard, between(1, 5.5));
  heard.stream.suspend('the publisher left');
  assert.equal(heard.stream.placement.context, undefined);
  assert.equal(heard.stream.edge.gap?.cause, 'offline');
  heard.clock.advance(awayMs);
  connect(heard, returnsWith);
  return heard;
}
const same = (heard: Heard, expected: readonly Frame[]) =>
  assert.deepEqual(
    heard.frames.map(({ frame }) => [frame.trackId, frame.dts]),
    expected.map(({ trackId, dts }) => [trackId, dts]),
  );

suite('a publisher that returns within five seconds', () => {
  test('continues the run without a discontinuity if it repeats the last frame and continues after it', () => {
    const heard = leave();
    publish(heard, between(5, 8), 1);
    assert.deepEqual(heard.calls, ['run 1']);
    same(heard, between(1, 8));
    assert.deepEqual(heard.events.map(({ type }) => type).slice(-2), ['absent', 'continued']);
    assert.deepEqual([heard.stream.edge.gap, heard.stream.placement.context?.run.id], [undefined, 1]);
  });

  test('continues the run if its first frame is a key frame right after the last one', () => {
    const heard = open();
    connect(heard);
    publish(heard, between(1, 6));
    heard.stream.suspend('the publisher left');
    connect(heard);
    publish(heard, between(6, 8));
    assert.deepEqual(heard.calls, ['run 1']);
    same(heard, between(1, 8));
  });

  const others: Record<string, { frames: Frame[]; awayMs?: number; returnsWith?: Track[] }> = {
    'its timestamps begin again': { frames: between(1, 4) },
    'its timestamps continue with a hole': { frames: between(7, 9) },
    'it begins in the middle of a GOP': { frames: between(5.52, 8) },
    'the frame with the last timestamp has other bytes': {
      frames: between(5, 8).map((frame) => ({ ...frame, data: Uint8Array.of(1, ...frame.data) })),
    },
    'its tracks are others': { frames: between(6, 8), returnsWith: [video, { ...audio, language: 'fr' }] },
    'it was away for longer': { frames: between(5, 8), awayMs: 5001 },
  };
  for (const [why, { frames, ...options }] of Object.entries(others)) {
    test(`begins another run, at its first key frame and soon, if ${why}`, () => {
      const heard = leave(options);
      publish(heard, frames);
      assert.deepEqual(heard.calls, ['run 1', 'end', 'run 2']);
      const after = heard.frames.filter(({ run }) => run === 2).map(({ frame }) => frame);
      const key = frames.find((frame) => frame.key && frame.trackId === 1)!;
      assert.equal(after[0], key);
      const expected = frames.slice(frames.indexOf(key)).filter(({ trackId }) => trackId === 1);
      assert.deepEqual(
        after.filter(({ trackId }) => trackId === 1),
        expected,
      );
      assert.ok(heard.runs[1]!.startUs >= heard.runs[0]!.startUs + 4.5e6);
    });
  }

  test('does not wait for longer than a second to see whether old timestamps lead to the last frame', () => {
    const heard = leave();
    const old = between(1, 3.5).map((frame) => ({ ...frame, data: Uint8Array.of(9) }));
    publish(heard, old);
    assert.deepEqual(heard.calls, ['run 1', 'end', 'run 2']);
    assert.equal(heard.frames.filter(({ run, frame }) => run === 2 && frame.trackId === 1).length, 63);
  });

  test('a publisher that stays away ends the run when the stream is offline, and is a suspended run ended once', () => {
    const heard = open();
    connect(heard);
    publish(heard, between(1, 5));
    heard.stream.suspend('the publisher left');
    assert.deepEqual(heard.calls, ['run 1']);
    heard.stream.offline('the publisher left');
    heard.stream.endSuspended();
    assert.deepEqual(heard.calls, ['run 1', 'end']);
    const absences = heard.events.flatMap((event) => (event.type === 'absent' ? [event.mayContinue] : []));
    assert.deepEqual(absences, [true, false]);
  });
});
