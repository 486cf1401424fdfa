/**
 * Files that this process has lately written again as a whole: they are not what was recorded, so no
 * description may be made of what a mirror has of them.
 * In: locations. Out: whether one is such a file. Bounded: a file is described within seconds, or never.
 */
import type { SegmentLocation } from '../../segment-store.ts';

const MAX_FILES = 1_000;

/** Remembers some locations. */
export class RewrittenFiles {
  readonly #locations = new Set<SegmentLocation>();

  add(location: SegmentLocation): void {
    this.#locations.delete(location);
    this.#locations.add(location);
    if (this.#locations.size > MAX_FILES) this.#locations.delete(this.#locations.values().next().value!);
  }

  has(location: SegmentLocation): boolean {
    return this.#locations.has(location);
  }
}
