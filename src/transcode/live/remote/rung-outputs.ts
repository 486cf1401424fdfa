/**
 * Pictures of rungs that came back and wait for the end of their segment: a segment that is not complete can
 * be made again by another encoder, because no viewer has a part of it.
 * In: tracks and frames of one encoder, times of cuts. Out: whole segments of all rungs.
 */
import type { Frame, VideoTrack } from '@oxbow/media/frame';
import type { LiveEncoderOutput } from '../../../ffmpeg/live-ladder.ts';

/** One rung. */
interface Waiting {
  /** Its track, until the frame after it has left. */
  track: VideoTrack | undefined;
  readonly frames: Frame[];
}

/** What one encoder has made of the segments that are not complete. Times are ticks of the rungs. */
export class RungOutputs {
  readonly #output: LiveEncoderOutput;
  readonly #rungs = new Map<number, Waiting>();
  #trackIds: readonly number[] = [];
  /** Earlier pictures are of segments that are complete. */
  #from = Number.NEGATIVE_INFINITY;

  constructor(output: LiveEncoderOutput) {
    this.#output = output;
  }

  /** Only these rungs are made from now on. */
  enable(trackIds: readonly number[]): void {
    this.#trackIds = trackIds;
  }

  /** Another encoder begins, with a segment at `from`: drops what waits. */
  begin(from: number): void {
    this.#rungs.clear();
    this.#from = from;
  }

  track(track: VideoTrack): void {
    this.#rungOf(track.id).track = track;
  }

  frame(frame: Frame): void {
    if (frame.pts >= this.#from) this.#rungOf(frame.trackId).frames.push(frame);
  }

  /** Whether each rung has a picture at or after `to`, so that the segment before it is complete. */
  hasAllBefore(to: number): boolean {
    return this.#trackIds.every((id) => (this.#rungs.get(id)?.frames.at(-1)?.pts ?? Number.NEGATIVE_INFINITY) >= to);
  }

  /** Delivers the pictures before `to`. */
  release(to: number): void {
    this.#from = to;
    for (const waiting of this.#rungs.values()) {
      const at = waiting.frames.findIndex(({ pts }) => pts >= to);
      const frames = waiting.frames.splice(0, at < 0 ? waiting.frames.length : at);
      if (frames.length === 0) continue;
      if (waiting.track) this.#output.track(waiting.track);
      waiting.track = undefined;
      for (const frame of frames) this.#output.frame(frame);
    }
  }

  #rungOf(trackId: number): Waiting {
    const known = this.#rungs.get(trackId);
    if (known) return known;
    const made: Waiting = { track: undefined, frames: [] };
    this.#rungs.set(trackId, made);
    return made;
  }
}
