/**
 * A run that waits for the first key frame of its reference track.
 * In: the publisher's RunStart and first frames. Out: the state with which live/stream starts the run. Pure.
 */
import type { Frame } from '@oxbow/media/frame';
import { isSparse } from '@oxbow/media/rendition-set';
import { ticksToUs } from '@oxbow/media/run';
import type { RunStart } from './input.ts';

/** A run that was announced and waits for its first key frame. */
export interface PendingRun {
  /** With the UTC offset that the first frame of the reference track gives it. */
  start: RunStart;
  /** A frame of the reference track has come. */
  isPlaced?: boolean;
  /** Its timestamps are earlier than those before it. */
  readonly wentBack?: boolean;
  /** Frames of other tracks. */
  readonly waiting: Frame[];
  /** Bytes of `waiting`. */
  waitingBytes: number;
  /** Lowest pts of its reference frames so far, none of them a key frame; µs. */
  keylessUs?: number;
  /** The stream has the last key frame already: it and the frames after it are dropped. */
  clips?: boolean;
}

/**
 * Most frames that wait for the first key frame of the reference track: a burst may have all of its audio
 * first.
 */
const MAX_WAITING = 2048;
/** Most bytes of them, so that a publisher that never sends a key frame does not fill the memory. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;

/** Keeps a frame of another track; the oldest ones are dropped where there are too many. */
export function hold(frame: Frame, pending: PendingRun): void {
  const { waiting } = pending;
  pending.waitingBytes += frame.data.length;
  waiting.push(frame);
  while (waiting.length > MAX_WAITING || (waiting.length > 1 && pending.waitingBytes > MAX_WAITING_BYTES)) {
    pending.waitingBytes -= waiting.shift()!.data.length;
  }
}

/** Drops the waiting frames of other tracks before an instant of media time, µs. */
export function dropBefore(ptsUs: number, pending: PendingRun): void {
  const { start, waiting } = pending;
  const timescales = new Map(start.tracks.map(({ id, timescale }) => [id, timescale]));
  const kept = waiting.filter(({ trackId, pts }) => ticksToUs(pts, timescales.get(trackId) ?? 1) >= ptsUs);
  waiting.splice(0, waiting.length, ...kept);
  pending.waitingBytes = kept.reduce((sum, { data }) => sum + data.length, 0);
}

/**
 * The waiting frames that belong to a run whose first key frame is at `ptsUs`. Sparse frames are not
 * repeated: they are kept, even before the first video frame.
 */
export function framesFrom(ptsUs: number, { start, waiting }: PendingRun): Frame[] {
  const tracks = new Map(start.tracks.map((track) => [track.id, track]));
  return waiting.filter(({ trackId, pts }) => {
    const track = tracks.get(trackId);
    return track && (isSparse(track) || ticksToUs(pts, track.timescale) >= ptsUs);
  });
}
