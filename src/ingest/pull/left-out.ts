/**
 * Collects the tracks of a source that oxbow cannot take, from its playlist and all of its renditions.
 * In: the tracks that each of them reports. Out: one list, each time it changes.
 */
import { distinctLeftOut, type LeftOutTrack } from '../../api/left-out.ts';

/** The tracks that one pull leaves out. */
export class LeftOutTracks {
  readonly #parts = new Map<unknown, readonly LeftOutTrack[]>();
  readonly #changed: (tracks: readonly LeftOutTrack[]) => void;

  /** @param changed receives the complete list without duplicates */
  constructor(changed: (tracks: readonly LeftOutTrack[]) => void) {
    this.#changed = changed;
  }

  /** Replaces the tracks of one part of the source: a Rendition, or a name for another part. */
  set(part: unknown, tracks: readonly LeftOutTrack[]): void {
    if (tracks.length > 0) this.#parts.set(part, tracks);
    else if (!this.#parts.delete(part)) return;
    this.#changed(distinctLeftOut([...this.#parts.values()].flat()));
  }
}
