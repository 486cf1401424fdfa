/**
 * The frames of a derived quality that wait for the cuts of its source, run by run.
 * In: frames of an encoder or a pulled variant. Out: those before a cut, for packager/follower.
 * docs/media.md 6.
 */
import type { Frame, VideoTrack } from '@oxbow/media/frame';
import { ticksToUs } from '@oxbow/media/run';

/** Bytes of frames that wait; beyond it they are dropped: their timestamps are not those of the source. */
const MAX_HELD_BYTES = 64 * 1024 * 1024;
/** A key frame this close to a cut is at the cut, in frames: timestamps of other encoders are rounded. */
const NEAR_FRAMES = 1.5;

/** The frames of one run of the source. */
export class DerivedRun {
  /** Id of the source's run, or of one that corrects its clock. */
  readonly run: number;
  readonly track: VideoTrack & { readonly rung: string };
  /** Peak, bits per second, if it is known. */
  readonly bandwidth: number | undefined;
  /** No frame follows. */
  ended = false;
  #frames: Frame[] = [];
  #bytes = 0;
  #lastDts = Number.NEGATIVE_INFINITY;
  /** pts − dts of its first frame, ticks: the delay by B-frames. */
  #delay: number | undefined;
  /** Where the next frame is expected, in the order of presentation, ticks. */
  #end = Number.NEGATIVE_INFINITY;
  #halfFrame = 0;

  constructor(run: number, track: VideoTrack & { readonly rung: string }, bandwidth?: number) {
    this.run = run;
    this.track = track;
    this.bandwidth = bandwidth;
  }

  /** Whether all its frames were taken and none follows. */
  get isOver(): boolean {
    return this.ended && this.#frames.length === 0;
  }

  /**
   * Adds the next frame in decode order.
   * @returns false if it was dropped because its times are wrong, or all because too many wait
   */
  add(frame: Frame): boolean {
    if (!(frame.dts > this.#lastDts && frame.pts >= frame.dts && frame.duration > 0)) return false;
    this.#lastDts = frame.dts;
    this.#delay ??= frame.pts - frame.dts;
    this.#halfFrame = frame.duration / 2;
    this.#end = Math.max(this.#end, frame.dts + this.#delay + frame.duration);
    this.#frames.push(frame);
    this.#bytes += frame.data.length;
    if (this.#bytes <= MAX_HELD_BYTES) return true;
    this.clear();
    return false;
  }

  /** Drops the frames that wait. */
  clear(): void {
    this.#frames = [];
    this.#bytes = 0;
  }

  /** Whether all frames before a media time (µs) have come. */
  hasAllBefore(us: number): boolean {
    return this.ended || this.#usOf(this.#end + this.#halfFrame) >= us;
  }

  /** Removes and returns the frames before a media time, µs. */
  takeBefore(us: number): Frame[] {
    let count = 0;
    for (const frame of this.#frames) {
      if (this.#usOf(this.turnOf(frame) + this.#halfFrame) >= us) break;
      count++;
      this.#bytes -= frame.data.length;
    }
    return this.#frames.splice(0, count);
  }

  /** Index of the first key frame, if it is at a cut, µs; otherwise −1. */
  beginningAt(frames: readonly Frame[], us: number): number {
    const index = frames.findIndex(({ key }) => key);
    const first = frames[index];
    const nearUs = this.#usOf(2 * NEAR_FRAMES * this.#halfFrame);
    return first && Math.abs(this.#usOf(this.turnOf(first)) - us) <= nearUs ? index : -1;
  }

  /**
   * When a frame would be presented if there were no B-frames, ticks; of a key frame not after its
   * presentation.
   */
  turnOf({ key, dts, pts }: Frame): number {
    const turn = dts + (this.#delay ?? 0);
    return key ? Math.min(pts, turn) : turn;
  }

  #usOf(ticks: number): number {
    return ticksToUs(ticks, this.track.timescale);
  }
}
