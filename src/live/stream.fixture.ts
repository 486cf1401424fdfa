/**
 * A live stream with a sink that remembers its calls; for tests.
 * In: what a test publishes. Out: runs, frames, calls and events.
 */

import type { Frame } from '@oxbow/media/frame';
import { createManualClock, type ManualClock } from '../lib/clock.ts';
import { audioTrack, videoFrames, videoTrack } from './frames.fixture.ts';
import type { RunStart } from './input.ts';
import type { RunContext, Sink } from './sink.ts';
import { Stream } from './stream.ts';
import type { StreamEvent } from './stream-event.ts';
import type { StreamPast } from './stream-options.ts';

/** When the clock starts, µs since 1970. */
export const NOW_US = 1_795_000_000_000_000;
/** A video track with id 1. */
export const video = videoTrack();
/** An audio track with id 2. */
export const audio = audioTrack();

/** A stream, and what its sink and its owner got. */
export interface Heard {
  readonly clock: ManualClock;
  readonly stream: Stream;
  readonly runs: RunContext[];
  readonly frames: { run: number; frame: Frame }[];
  readonly calls: string[];
  readonly events: StreamEvent[];
}

/** Opens a stream with one sink. */
export function open(past: Partial<StreamPast> = {}): Heard {
  const clock = createManualClock(NOW_US / 1000);
  const runs: RunContext[] = [];
  const frames: { run: number; frame: Frame }[] = [];
  const calls: string[] = [];
  const sink: Sink = {
    startRun(context) {
      runs.push(context);
      calls.push(`run ${context.run.id}`);
    },
    write: (frame) => void frames.push({ run: runs.at(-1)!.run.id, frame }),
    flush: () => void calls.push('flush'),
    endRun: () => void calls.push('end'),
    damage: () => void calls.push('damage'),
  };
  const stream = new Stream({
    clock,
    past: { endUs: NOW_US, hasMedia: false, lastRun: 0, gaps: [], ...past },
  });
  stream.sinks.attach(sink, { name: 'test', required: true });
  const events: StreamEvent[] = [];
  stream.events.subscribe((event) => events.push(event));
  return { clock, stream, runs, frames, calls, events };
}

/** A run whose pts 0 is now, unless the options differ. */
export const start = (options: Partial<RunStart> = {}): RunStart => ({
  tracks: [video],
  utcOffsetUs: NOW_US,
  clock: 'source',
  pace: { kind: 'continuous' },
  ...options,
});
/** The pace of segments of 6 s. */
export const bursty = { kind: 'bursty', intervalS: 6 } as const;
/** Frames of video, 25 a second with a key frame each second. */
export const film = (seconds: number, startS = 1, delay = 0) =>
  videoFrames({ track: video, seconds, rate: 25, gopS: 1, startS, delay });

/** Publishes frames; each video frame takes its time. */
export function publish({ stream, clock }: Heard, frames: readonly Frame[], frameMs = 40): void {
  for (const frame of frames) {
    if (frame.trackId === 1) clock.advance(frameMs);
    stream.publish(frame);
  }
}
