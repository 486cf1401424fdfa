/**
 * A run that waits for the first key frame of its reference track.
 * In: the publisher's RunStart and first frames. Out: the state with which live/stream starts the run. Pure.
 */
import type { Frame, Track } from '../media/frame.ts';
import { ticksToUs } from '../media/run.ts';
import type { RunStart } from './input.ts';

/** A run that was announced and waits for its first key frame. */
export interface PendingRun {
  readonly start: RunStart;
  /** Frames of other tracks. */
  readonly waiting: Frame[];
  /** Lowest pts of its reference frames so far, none of them a key frame; µs. */
  keylessUs?: number;
  /** The stream has the last key frame already: it and the frames after it are dropped. */
  clips?: boolean;
}

/** Drops the waiting frames of other tracks before an instant of media time, µs. */
export function dropBefore(ptsUs: number, { start, waiting }: PendingRun): void {
  const timescales = new Map(start.tracks.map(({ id, timescale }) => [id, timescale]));
  const kept = waiting.filter(({ trackId, pts }) => ticksToUs(pts, timescales.get(trackId) ?? 1) >= ptsUs);
  waiting.splice(0, waiting.length, ...kept);
}

/** Whole seconds that keep the decode times of a run above 0; half a second of margin for tracks that begin a little earlier. */
export function shiftFor(first: Frame, reference: Track): number {
  return Math.max(0, Math.ceil(0.5 - first.dts / reference.timescale));
}
