/**
 * A RunFeeder on a real Stream, with a clock that the test moves; for tests.
 * In: artificial segments with wrong dates, playlists and clocks. Out: the runs and frames that a sink of the
 * stream receives.
 */

import type { Frame } from '@oxbow/media/frame';
import { ticksToUs } from '@oxbow/media/run';
import { createManualClock, type ManualClock } from '../../../lib/clock.ts';
import { videoFrames, videoTrack } from '../../../live/frames.fixture.ts';
import type { RunContext, Sink } from '../../../live/sink.ts';
import { Stream } from '../../../live/stream.ts';
import type { StreamEvent } from '../../../live/stream-event.ts';
import type { StreamPast } from '../../../live/stream-options.ts';
import type { PullContext } from '../context.ts';
import { noCounters } from '../pull-log.ts';
import type { QueuedSegment } from '../segment/queued-segment.ts';
import { RunFeeder } from './run-feeder.ts';

/** Pictures per second. */
export const RATE = 10;
/** The only track. */
export const track = videoTrack();

/** A stream with the input and output of a pull. */
export interface Fed {
  readonly clock: ManualClock;
  readonly stream: Stream;
  readonly runs: RunContext[];
  readonly frames: { readonly frame: Frame; readonly run: number; readonly atUs: number }[];
  readonly events: StreamEvent[];
  /** Starts another pull into the stream. */
  readonly connect: () => RunFeeder;
}

/** Opens a stream. */
export function feed(past: Partial<StreamPast> = {}): Fed {
  const clock = createManualClock();
  const runs: RunContext[] = [];
  const frames: Fed['frames'] = [];
  const sink: Sink = {
    startRun: (context) => void runs.push(context),
    write(frame) {
      const { tracks, run } = runs.at(-1)!;
      const { timescale } = tracks.find(({ id }) => id === frame.trackId)!;
      frames.push({ frame, run: run.id, atUs: run.utcOffsetUs + ticksToUs(frame.pts, timescale) });
    },
    flush() {},
    endRun() {},
    damage() {},
  };
  const stream = new Stream({
    clock,
    past: { endUs: clock.nowMs() * 1000, hasMedia: false, lastRun: 0, gaps: [], ...past },
  });
  stream.sinks.attach(sink, { name: 'test', required: true });
  const events: StreamEvent[] = [];
  stream.events.subscribe((event) => events.push(event));
  const context = { clock, counters: noCounters, log: { info() {}, warn() {} } } as unknown as PullContext;
  return { clock, stream, runs, frames, events, connect: () => new RunFeeder(stream, context) };
}

/** A segment with its frames. */
export interface Made {
  readonly segment: QueuedSegment;
  readonly frames: Frame[];
}

/**
 * A segment as long as the target duration, first listed now and last in its playlist, with a key frame every
 * two seconds.
 *
 * @param mediaS its first decode time, seconds
 */
export function made(fed: Fed, msn: number, mediaS: number, more: Partial<QueuedSegment> = {}, lengthS = 6): Made {
  const segment: QueuedSegment = {
    msn,
    url: new URL(`https://tv.example/${msn}.ts`),
    durationS: lengthS,
    targetDurationS: lengthS,
    discontinuity: false,
    discontinuitySequence: 0,
    dated: more.programDateTimeMs !== undefined,
    toEdgeS: lengthS,
    arrivedMs: fed.clock.nowMs(),
    ended: false,
    epoch: 0,
    ...more,
  };
  return { segment, frames: videoFrames({ track, seconds: lengthS, rate: RATE, gopS: 2, startS: mediaS, seed: msn }) };
}

/** Publishes a segment. */
export function publish(feeder: RunFeeder, { segment, frames }: Made): void {
  feeder.publish(segment, { groups: [{ tracks: [track], frames: [...frames] }], damages: [] });
}
