/**
 * How far apart the pictures of a storyboard are, so that they take a bounded share of a core.
 * In: the processor time of each picture of a stream, and which streams have pictures. Out: a distance. Pure.
 */
import { MAX_DISTANCE_US, SLOT_US } from '../../recording/storyboard/storyboards.ts';

/** Share of a core that the pictures of one stream take at most, unless the distance is the largest. */
const MOST_SHARE = 0.0005;
/** Up to so many streams have that share each. With more, all of them together have half of it. */
const STREAMS_WITH_SHARE = 20;
/** Share of a core that the pictures of more streams take together, until their distance is the largest. */
const MOST_SHARE_OF_MANY = 0.005;
/** A stream without a picture for this long does not count: more than the largest distance, ms. */
const COUNTS_FOR_MS = MAX_DISTANCE_US / 1000 + 60_000;
/** How much the newest picture counts beside those before it. */
const WEIGHT = 1 / 4;

/** The distance of one stream's pictures. */
export class PictureDistance {
  #costUs: number | undefined;
  #share = MOST_SHARE;

  /** From one picture to the next: whole slots, µs. The smallest before the first picture. */
  get us(): number {
    const slots = Math.ceil((this.#costUs ?? 0) / this.#share / SLOT_US);
    return Math.min(MAX_DISTANCE_US, Math.max(1, slots) * SLOT_US);
  }

  /**
   * Adds the processor time of a picture, µs.
   *
   * @param share of a core that the pictures of this stream may take from now on
   */
  add(cpuUs: number, share: number = MOST_SHARE): void {
    this.#share = share;
    this.#costUs = this.#costUs === undefined ? cpuUs : this.#costUs + WEIGHT * (cpuUs - this.#costUs);
  }
}

/** Shares the processor time of pictures among the streams that have some. */
export class PictureShares {
  readonly #processes: number;
  /** When each stream had its newest picture, monotonic ms; the oldest first. */
  readonly #madeMs = new Map<string, number>();

  /** @param processes of the server: the others have as many streams */
  constructor(processes = 1) {
    this.#processes = processes;
  }

  /**
   * A stream has a picture. Returns the share of a core that its pictures may take.
   *
   * @param nowMs monotonic
   */
  made(streamId: string, nowMs: number): number {
    this.#madeMs.delete(streamId);
    this.#madeMs.set(streamId, nowMs);
    for (const [id, madeMs] of this.#madeMs) {
      if (nowMs - madeMs <= COUNTS_FOR_MS) break;
      this.#madeMs.delete(id);
    }
    const streams = this.#madeMs.size * this.#processes;
    return streams <= STREAMS_WITH_SHARE ? MOST_SHARE : MOST_SHARE_OF_MANY / streams;
  }
}
