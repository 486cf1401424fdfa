import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Frame, Track } from '@oxbow/media/frame';
import { createManualClock } from '../../../lib/clock.ts';
import type { PullContext } from '../context.ts';
import { noCounters } from '../pull-log.ts';
import type { QueuedSegment } from '../segment/queued-segment.ts';
import { RecordingInput, spanOf } from './recording-input.fixture.ts';
import { RunFeeder } from './run-feeder.ts';

const clock = createManualClock();
const context = { clock, counters: noCounters, log: { info() {}, warn() {} } } as unknown as PullContext;

const track = (id: number, kind: 'video' | 'audio', record = [1]): Track =>
  ({
    id,
    kind,
    timescale: 1000,
    language: 'und',
    label: '',
    config: { codecs: kind, record: Uint8Array.from(record) },
  }) as unknown as Track;
const tracks = [track(1, 'video'), track(2, 'audio')];

/** Frames of `trackId` at every 40 ms. */
function frames(trackId: number, fromMs: number, count: number): Frame[] {
  return Array.from({ length: count }, (_, i) => {
    const dts = fromMs + 40 * i;
    return { trackId, dts, pts: dts + (trackId === 1 ? 80 : 0), duration: 40, key: i === 0, data: new Uint8Array() };
  });
}

let msn = 0;
function segment(more: Partial<QueuedSegment> = {}): QueuedSegment {
  return {
    msn: msn++,
    url: new URL('https://tv.example/s.ts'),
    durationS: 1,
    targetDurationS: 1,
    discontinuity: false,
    discontinuitySequence: 0,
    dated: false,
    toEdgeS: 3,
    arrivedMs: clock.nowMs(),
    ended: false,
    epoch: 0,
    ...more,
  };
}

const media = (...all: Frame[]) => ({ groups: [{ tracks, frames: all }], damages: [] });

function feed(): { input: RecordingInput; feeder: RunFeeder } {
  const input = new RecordingInput();
  return { input, feeder: new RunFeeder(input, context) };
}

test('consecutive segments are one run, with a flush after each', () => {
  const { input, feeder } = feed();
  feeder.publish(segment(), media(...frames(2, 0, 2), ...frames(1, 0, 25)));
  feeder.publish(segment(), media(...frames(1, 1000, 25)));
  assert.equal(input.runs.length, 1);
  assert.equal(input.segments, 2);
  assert.equal(input.runs[0]!.frames.length, 52);
});

test('timestamps that go back within a segment begin a run without a gap', () => {
  const { input, feeder } = feed();
  feeder.publish(segment(), media(...frames(1, 50_000, 10), ...frames(1, 0, 15)));
  assert.equal(input.runs.length, 2);
  const [a, b] = input.runs.map(spanOf);
  assert.ok(Math.abs(b!.fromUs - a!.toUs) < 1000);
  assert.match(input.damages[0]!, /went back by 50\.4 s/);
});

test('a gap within a segment keeps the UTC offset, and so its length', () => {
  const { input, feeder } = feed();
  feeder.publish(segment(), media(...frames(1, 0, 10), ...frames(1, 1400, 10)));
  assert.deepEqual(input.absences, ['source-skipped the source jumped ahead by 1.0 s']);
  const [a, b] = input.runs;
  assert.equal(a!.start.utcOffsetUs, b!.start.utcOffsetUs);
});

test('a changed configuration begins a run with the same UTC offset; the same one again does not', () => {
  const { input, feeder } = feed();
  feeder.publish(segment(), media(...frames(1, 0, 25)));
  feeder.publish(segment(), {
    groups: [{ tracks: structuredClone(tracks), frames: frames(1, 1000, 25) }],
    damages: [],
  });
  assert.equal(input.runs.length, 1);
  const other = [track(1, 'video', [2]), track(2, 'audio')];
  feeder.publish(segment(), { groups: [{ tracks: other, frames: frames(1, 2000, 25) }], damages: ['bent'] });
  assert.equal(input.runs.length, 2);
  assert.equal(input.runs[0]!.start.utcOffsetUs, input.runs[1]!.start.utcOffsetUs);
  assert.deepEqual(input.damages, ['bent']);
});

test('repeated frames and frames of another clock are dropped and reported once per segment', () => {
  const { input, feeder } = feed();
  feeder.publish(segment(), media(...frames(1, 0, 25)));
  feeder.publish(segment(), media(...frames(1, 920, 27), ...frames(2, 500_000, 3)));
  assert.equal(input.videoFrames, 50);
  assert.deepEqual(input.damages, ['5 frames with timestamps out of order were dropped']);
});

test('a segment of any length keeps its audio, in any order of its tracks', () => {
  for (const seconds of [1, 8, 10, 12, 15, 20, 60]) {
    for (const order of ['video first', 'audio first'] as const) {
      const { input, feeder } = feed();
      for (let i = 0; i < 3; i++) {
        const both = [1, 2].map((id) => frames(id, 1000 * seconds * i, 25 * seconds));
        if (order === 'audio first') both.reverse();
        feeder.publish(segment({ durationS: seconds, targetDurationS: seconds }), media(...both.flat()));
      }
      assert.equal(input.runs.length, 1);
      assert.equal(input.runs[0]!.frames.length, 3 * 2 * 25 * seconds, `${seconds} s, ${order}`);
      assert.deepEqual(input.damages, []);
    }
  }
});

test('a stream of audio alone has runs too, and a group without tracks is ignored', () => {
  const { input, feeder } = feed();
  const audio = [track(2, 'audio')];
  feeder.publish(segment(), { groups: [{ tracks: audio, frames: frames(2, 0, 25) }], damages: [] });
  feeder.publish(segment(), { groups: [{ tracks: [], frames: frames(2, 0, 1) }], damages: [] });
  assert.equal(input.runs.length, 1);
  assert.equal(input.runs[0]!.frames.length, 25);
});

test('a segment without video begins its run with its audio', () => {
  const { input, feeder } = feed();
  feeder.publish(segment(), media(...frames(2, 0, 25)));
  feeder.publish(segment(), media(...frames(1, 1000, 25)));
  assert.equal(input.runs.length, 1);
  assert.equal(input.videoFrames, 25);
});

test('the detail of missing media has a maximum length', () => {
  const input = new RecordingInput();
  new RunFeeder(input, context).absent('source-skipped', `EXT-X-GAP ${'x'.repeat(16_000)}.ts`);
  assert.ok(input.absences[0]!.length < 250);
});
