/**
 * Moves all timestamps of a run forward by whole seconds: edit lists may put a source's first frames before
 * zero, which `tfdt` cannot express. Whole seconds are exact in every timescale, and the UTC offset moves the
 * other way.
 * In: the first frame of a run, then every frame. Out: frames with timestamps of 0 or more. Pure.
 */
import type { Frame, Track } from '@oxbow/media/frame';
import { restampSection } from '@oxbow/media/scte35/section';

/** The shift of the current run. */
export class TimestampShift {
  #seconds = 0;
  /** By track id. */
  #ticks: ReadonlyMap<number, number> = new Map();
  /** Tracks whose frames contain timestamps. */
  #splices: ReadonlySet<number> = new Set();

  /**
   * A run begins with a key frame of its reference track; half a second of margin for tracks that begin a
   * little earlier.
   */
  begin(first: Frame, reference: Track, tracks: readonly Track[]): void {
    this.#seconds = Math.max(0, Math.ceil(0.5 - first.dts / reference.timescale));
    this.#ticks = new Map(tracks.map(({ id, timescale }) => [id, this.#seconds * timescale]));
    this.#splices = new Set(tracks.filter(({ config }) => config.codec === 'scte35').map(({ id }) => id));
  }

  /** µs that all timestamps of the run are moved forward by. */
  get us(): number {
    return this.#seconds * 1_000_000;
  }

  /** The frame with its times moved. */
  apply(frame: Frame): Frame {
    if (this.#seconds === 0) return frame;
    const { trackId, dts, pts, duration, key, data } = frame;
    const ticks = this.#ticks.get(trackId) ?? 0;
    // A splice time is a timestamp, and is shifted too.
    const moved = this.#splices.has(trackId) ? restampSection(data, this.#seconds * 90_000) : data;
    // Field by field: a spread costs several times as much, for every frame.
    return { trackId, dts: dts + ticks, pts: pts + ticks, duration, key, data: moved };
  }
}
