/**
 * Keeps a room at a common distance to the live edge.
 * In: the edge and the room's position, at each tick. Out: how far to move, seldom.
 */

/** The edge moves in steps of a part or a segment, so the distance is the largest one of this time, ms. */
const WINDOW_MS = 3000;
/** The room is moved no more often than this, ms. */
const PAUSE_MS = 5000;
/** Nearer than wanted by this: players would run out of media, ms. */
const TOO_NEAR_MS = 400;
/** Farther than wanted by this, ms. */
const TOO_FAR_MS = 1000;
/** Where several members wait for media, the room moves away from the edge in steps, ms. */
const STEP_MS = 250;
const MOST_STEPS_MS = 1500;

/** The anchor of one stretch of live playback. */
export class LiveAnchor {
  /** The largest distance of this window and of the one before. */
  #largest = Number.NEGATIVE_INFINITY;
  #before = Number.NEGATIVE_INFINITY;
  #windowSince: number;
  #movedMs: number;
  #farther = 0;

  /** @param nowMs monotonic ms */
  constructor(nowMs: number) {
    this.#windowSince = nowMs;
    this.#movedMs = nowMs;
  }

  /** The addition to the distance of the source, because members ran out of media, ms. */
  get farther(): number {
    return this.#farther;
  }

  /** Several members wait for media. At most one step in 5 s. */
  starved(nowMs: number): void {
    if (nowMs - this.#movedMs < PAUSE_MS) return;
    this.#farther = Math.min(MOST_STEPS_MS, this.#farther + STEP_MS);
  }

  /**
   * How far the room has to move now.
   *
   * @param distanceMs of the room to the edge now
   * @param wantedMs distance of the source
   * @param nowMs monotonic ms
   * @returns ms, forward; 0: not at all
   */
  correction(distanceMs: number, wantedMs: number, nowMs: number): number {
    this.#largest = Math.max(this.#largest, distanceMs);
    if (nowMs - this.#windowSince >= WINDOW_MS) {
      this.#before = this.#largest;
      this.#largest = distanceMs;
      this.#windowSince = nowMs;
    }
    if (nowMs - this.#movedMs < PAUSE_MS || this.#before === Number.NEGATIVE_INFINITY) return 0;
    const off = Math.max(this.#largest, this.#before) - (wantedMs + this.#farther);
    const isStep = this.#farther > 0 && off <= -STEP_MS;
    if (off > -TOO_NEAR_MS && off < TOO_FAR_MS && !isStep) return 0;
    this.#movedMs = nowMs;
    this.#windowSince = nowMs;
    this.#largest = Number.NEGATIVE_INFINITY;
    this.#before = Number.NEGATIVE_INFINITY;
    return off;
  }
}
