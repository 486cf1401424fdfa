/**
 * The frames that a live playlist shows while the publisher is away: one GOP with a still picture, repeated,
 * and silence.
 * In: a plan, an encoded GOP, the time. Out: a run for the packager only: no other sink gets it, and the
 * recorder passes over it.
 */

import type { Frame, Track } from '@oxbow/media/frame';
import { ticksToUs } from '@oxbow/media/run';
import type { StillGop } from '../../ffmpeg/engine.ts';
import type { RunContext, Sink } from '../../live/sink.ts';
import { FILL_TIMESCALE, type FillPlan } from './fill-plan.ts';

/** What a fill is created with. */
interface FillSetup {
  readonly plan: FillPlan;
  /** The picture; present if the plan has video. */
  readonly gop: StillGop | undefined;
  /** The packager. */
  readonly sink: Pick<Sink, 'startRun' | 'write'>;
  readonly runId: number;
  /** Where it begins, µs since 1970: the end of the media. */
  readonly startUs: number;
}

/** A track of a fill: frame `i` from its start. */
interface FillTrack {
  readonly track: Track;
  /** Start of frame `i`, ticks of the track. */
  ticksOf(i: number): number;
  dataOf(i: number): { readonly key: boolean; readonly data: Uint8Array };
  next: number;
}

export class Fill {
  readonly #setup: FillSetup;
  readonly #tracks: readonly FillTrack[];

  /** Begins its run. */
  constructor(setup: FillSetup) {
    this.#setup = setup;
    const { startUs, runId, sink } = setup;
    this.#tracks = tracksOf(setup);
    const tracks = this.#tracks.map(({ track }) => track);
    const context: RunContext = {
      tracks,
      startUs,
      reference: tracks[0]!,
      pace: { kind: 'continuous' },
      gaps: [],
      run: { id: runId, utcOffsetUs: startUs, clock: 'arrival', isFill: true },
    };
    sink.startRun(context);
  }

  /** End of the picture that was written, µs since 1970. */
  get endUs(): number {
    const { track, ticksOf, next } = this.#tracks[0]!;
    return this.#setup.startUs + ticksToUs(ticksOf(next), track.timescale);
  }

  /** Writes the frames that end at or before `nowUs`, since 1970. */
  advance(nowUs: number): void {
    const [reference, ...others] = this.#tracks;
    const untilUs = nowUs - this.#setup.startUs;
    while (endOf(reference!) <= untilUs) {
      this.#write(reference!);
      for (const other of others) while (endOf(other) <= endOf(reference!)) this.#write(other);
    }
  }

  #write(fillTrack: FillTrack): void {
    const dts = fillTrack.ticksOf(fillTrack.next);
    const duration = fillTrack.ticksOf(fillTrack.next + 1) - dts;
    const frame: Frame = { trackId: fillTrack.track.id, dts, pts: dts, duration, ...fillTrack.dataOf(fillTrack.next) };
    fillTrack.next++;
    this.#setup.sink.write(frame);
  }
}

/** End of the next frame, µs from the start. */
function endOf({ track, ticksOf, next }: FillTrack): number {
  return ticksToUs(ticksOf(next + 1), track.timescale);
}

/** The reference first: video, otherwise the first audio track. */
function tracksOf({ plan, gop }: FillSetup): readonly FillTrack[] {
  const tracks: FillTrack[] = [];
  if (plan.video && gop) {
    const { frameTicks, track } = plan.video;
    const { config, frames } = gop;
    tracks.push({
      track: { ...track, timescale: FILL_TIMESCALE, config },
      ticksOf: (i) => i * frameTicks,
      dataOf: (i) => ({ key: i % frames.length === 0, data: frames[i % frames.length]! }),
      next: 0,
    });
  }
  for (const { track, frameS, silence } of plan.audio) {
    const data = { key: true, data: silence };
    const ticksPerFrame = frameS * track.timescale;
    tracks.push({ track, ticksOf: (i) => Math.round(i * ticksPerFrame), dataOf: () => data, next: 0 });
  }
  return tracks;
}
