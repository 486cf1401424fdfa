/**
 * The last sound of an input, for a take that begins with the next picture: where sound comes before its
 * picture, that of the key frame has come before the take was opened.
 * In: the tracks and frames of an input as they come. Out: frames of its sound, oldest first. Pure.
 */
import type { Frame, Track } from '../frame.ts';

/** Frames that are kept: about two seconds, and as many as a waiting take has of early sound. */
const MAX_FRAMES = 100;

/** The last frames of the first audio track of a run. */
export class RecentSound {
  readonly #trackId: number | undefined;
  #frames: Frame[] = [];

  /** @param tracks of the run */
  constructor(tracks: readonly Track[] = []) {
    this.#trackId = tracks.find(({ kind }) => kind === 'audio')?.id;
  }

  get frames(): readonly Frame[] {
    return this.#frames;
  }

  /** Takes any frame of the input. */
  add(frame: Frame): void {
    if (frame.trackId !== this.#trackId) return;
    // A copy: its data may share memory with pictures, which would be kept with it.
    this.#frames.push({ ...frame, data: new Uint8Array(frame.data) });
    if (this.#frames.length > MAX_FRAMES) this.#frames.shift();
  }
}
