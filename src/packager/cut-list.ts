/**
 * The cut list of a stream: where its reference track begins runs, segments and parts, at the moment of each
 * decision. All qualities that are derived from the stream follow it, and encoders force their key frames by
 * it.
 * In: packager/packager. Out: followers, encoders. docs/media.md 6.
 */

import type { Track } from '@oxbow/media/frame';
import { Emitter, type Subscribable } from '../lib/events.ts';
import type { Generation } from './generation.ts';
import type { SegmentOpening } from './live-segment.ts';

/** A decision of the packager. Times are media times of the run: µs, UTC = utcOffsetUs of the run + time. */
export type Cut =
  /**
   * A run begins; its first segment is opened later. Runs that only correct the clock are not reported: their
   * segments have them.
   */
  | { readonly kind: 'run'; readonly run: number }
  /** A segment begins with the reference frame that sinks get next, at `atUs`. */
  | {
      readonly kind: 'open';
      readonly atUs: number;
      readonly opening: SegmentOpening;
      readonly generation: Generation;
      readonly tracks: readonly Track[];
    }
  /** A part ends. `ends`: the next part is expected to begin a segment. */
  | { readonly kind: 'part'; readonly atUs: number; readonly ends: boolean }
  /** The open segment ends. */
  | { readonly kind: 'close'; readonly atUs: number; readonly durationUs: number }
  /** The run has ended. */
  | { readonly kind: 'end' }
  /** The live playlist has ended. */
  | { readonly kind: 'end-list' };

/** Emits the cuts of one stream. */
export class CutList implements Subscribable<Cut> {
  readonly #emitter = new Emitter<Cut>();
  #run: number | undefined;

  /**
   * Calls `listener` at each cut; at once with the current run, so that the next segment of it is the first
   * that is followed.
   */
  subscribe(listener: (cut: Cut) => void): () => void {
    if (this.#run !== undefined) listener({ kind: 'run', run: this.#run });
    return this.#emitter.subscribe(listener);
  }

  /** Whether anything follows it. */
  get isFollowed(): boolean {
    return this.#emitter.size > 0;
  }

  /** Emits a cut. */
  emit(cut: Cut): void {
    if (cut.kind === 'run') this.#run = cut.run;
    if (cut.kind === 'end') this.#run = undefined;
    if (this.isFollowed) this.#emitter.emit(cut);
  }
}
