/**
 * Counts the interlaced pictures of a film.
 * In: frames. Out: yes or no. Pure.
 */
import type { Frame, Track } from '@oxbow/media/frame';
import { ScanWatch } from '@oxbow/media/scan';

/** A film for cinemas within a recording of television is not the whole of it. */
const SHARE = 0.1;

/** Counts the pictures of one film. */
export class ScanCount {
  readonly #trackId: number;
  readonly #watch: ScanWatch | undefined;
  #pictures = 0;
  #interlaced = 0;

  /** @param track the picture; any other has no fields */
  constructor(track: Track) {
    this.#trackId = track.id;
    this.#watch = track.kind === 'video' ? new ScanWatch(track.config) : undefined;
  }

  /** More than a few of the pictures have two fields. */
  get isInterlaced(): boolean {
    return this.#interlaced > SHARE * this.#pictures;
  }

  /** Adds frames of any track. */
  push(frames: Iterable<Frame>): void {
    if (!this.#watch) return;
    for (const frame of frames) {
      if (frame.trackId !== this.#trackId) continue;
      this.#pictures++;
      if (this.#watch.look(frame) === 'interlaced') this.#interlaced++;
    }
  }
}
