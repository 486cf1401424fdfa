/**
 * How far apart the pictures of a storyboard are, so that they take a bounded share of a core.
 * In: the processor time of each picture of a stream. Out: a distance. Pure.
 */
import { MAX_DISTANCE_US, SLOT_US } from '../../recording/storyboard/storyboards.ts';

/** Share of a core that the pictures of one stream take at most, unless the distance is the largest. */
const MOST_SHARE = 0.0005;
/** How much the newest picture counts beside those before it. */
const WEIGHT = 1 / 4;

/** The distance of one stream's pictures. */
export class PictureDistance {
  #costUs: number | undefined;

  /** From one picture to the next: whole slots, µs. The smallest before the first picture. */
  get us(): number {
    const slots = Math.ceil((this.#costUs ?? 0) / MOST_SHARE / SLOT_US);
    return Math.min(MAX_DISTANCE_US, Math.max(1, slots) * SLOT_US);
  }

  /** Adds the processor time of a picture, µs. */
  add(cpuUs: number): void {
    this.#costUs = this.#costUs === undefined ? cpuUs : this.#costUs + WEIGHT * (cpuUs - this.#costUs);
  }
}
