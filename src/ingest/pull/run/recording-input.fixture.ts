/**
 * A StreamInput that records its calls; for tests.
 * In: calls of a pull. Out: runs with their frames, gaps, damages, in the order of the calls.
 */
import assert from 'node:assert/strict';
import type { Frame, Track } from '@oxbow/media/frame';
import type { GapCause } from '@oxbow/media/gap';
import { ticksToUs } from '@oxbow/media/run';
import { Emitter } from '../../../lib/events.ts';
import { Continuity } from '../../../live/continuity.ts';
import type { RunStart, StreamInput } from '../../../live/input.ts';
import { referenceOf } from '../../../live/reference.ts';

/** A run with its frames. */
export interface RecordedRun {
  readonly start: RunStart;
  readonly frames: Frame[];
}

/** One recorded call. */
export type RecordedEvent =
  | { readonly kind: 'run'; readonly run: RecordedRun }
  | { readonly kind: 'absent'; readonly cause: GapCause | 'offline'; readonly detail: string }
  | { readonly kind: 'damage'; readonly detail: string }
  | { readonly kind: 'flush' };

/** Refuses what live/stream would refuse: frames outside of a run, of an unknown track, or out of order. */
export class RecordingInput implements StreamInput {
  readonly runs: RecordedRun[] = [];
  readonly events: RecordedEvent[] = [];
  readonly #recorded = new Emitter<RecordedEvent>();
  readonly #continuity = new Continuity();
  #reference: Track | undefined;
  #open = false;

  #record(event: RecordedEvent): void {
    this.events.push(event);
    this.#recorded.emit(event);
  }

  startRun(start: RunStart): void {
    assert.ok(start.tracks.length > 0);
    assert.ok(Number.isSafeInteger(start.utcOffsetUs));
    const run = { start, frames: [] };
    this.runs.push(run);
    this.#open = true;
    this.#reference = referenceOf(start.tracks);
    this.#continuity.begin(start.tracks);
    this.#record({ kind: 'run', run });
  }

  publish(frame: Frame): void {
    const run = this.runs.at(-1);
    assert.ok(run && this.#open, 'a frame outside of a run');
    assert.ok(run.start.tracks.some(({ id }) => id === frame.trackId));
    const last = run.frames.findLast(({ trackId }) => trackId === frame.trackId);
    assert.ok(!last || frame.dts > last.dts, 'dts goes up');
    run.frames.push(frame);
    if (frame.trackId === this.#reference?.id) this.#continuity.add(frame);
  }

  jumps(frame: Frame): boolean {
    const jump = this.#continuity.jump(frame);
    if (jump?.isAhead) this.absent('source-skipped', jump.detail);
    else if (jump) this.damage(jump.detail);
    return jump !== undefined;
  }

  flush(): void {
    this.#record({ kind: 'flush' });
  }

  absent(cause: GapCause | 'offline', detail: string): void {
    this.#open = false;
    this.#record({ kind: 'absent', cause, detail });
  }

  damage(detail: string): void {
    this.#record({ kind: 'damage', detail });
  }

  /** `cause detail` of each reported gap. */
  get absences(): string[] {
    return this.events.flatMap((event) => (event.kind === 'absent' ? [`${event.cause} ${event.detail}`] : []));
  }

  get damages(): string[] {
    return this.events.flatMap((event) => (event.kind === 'damage' ? [event.detail] : []));
  }

  get segments(): number {
    return this.events.filter(({ kind }) => kind === 'flush').length;
  }

  /** Frames of the first video track over all runs. */
  get videoFrames(): number {
    return this.runs.reduce((sum, { start, frames }) => {
      const video = start.tracks.find(({ kind }) => kind === 'video');
      return sum + frames.filter(({ trackId }) => trackId === video?.id).length;
    }, 0);
  }

  /** Resolves when `done` holds after an event. */
  until(done: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      if (done()) return resolve();
      const stop = this.#recorded.subscribe(() => {
        if (!done()) return;
        stop();
        resolve();
      });
    });
  }
}

/** UTC at which the run's reference track begins and ends, µs. */
export function spanOf({ start, frames }: RecordedRun): { fromUs: number; toUs: number } {
  const track = start.tracks.find(({ kind }) => kind === 'video') ?? start.tracks[0]!;
  const own = frames.filter(({ trackId }) => trackId === track.id);
  const at = (ticks: number) => start.utcOffsetUs + ticksToUs(ticks, track.timescale);
  return {
    fromUs: Math.min(...own.map(({ pts }) => at(pts))),
    toUs: Math.max(...own.map(({ pts, duration }) => at(pts + duration))),
  };
}
