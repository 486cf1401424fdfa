/**
 * The pace of media that is behind: a receiver that expects it in real time gets the GOP on the air a few times as fast, not at once.
 * In: the time of each frame that is sent, and a clock. Out: how long to wait. Pure.
 */

/** Media time that may be sent in a second of time, seconds: the beginning catches up with live, and no buffer of a receiver overflows. */
const SPEED = 4;
/** Shorter waits are left out: frames of several tracks come out of step by less than this, ms. */
const LEAST_WAIT_MS = 20;

/** Paces one connection. */
export class CatchUp {
  #from: { readonly mediaUs: number; readonly atMs: number } | undefined;

  /** Times begin again. */
  restart(): void {
    this.#from = undefined;
  }

  /**
   * Takes a frame that was sent.
   *
   * @param mediaUs its decode time, µs
   * @param nowMs monotonic, ms
   * @returns how long the next one should wait, ms; 0 for media that came in real time
   */
  sent(mediaUs: number, nowMs: number): number {
    const from = this.#from;
    const waitMs = from ? from.atMs + (mediaUs - from.mediaUs) / 1000 / SPEED - nowMs : 0;
    // Time without media is no credit: what comes at once after it is paced as well.
    if (!from || (waitMs < 0 && mediaUs > from.mediaUs)) this.#from = { mediaUs, atMs: nowMs };
    return waitMs >= LEAST_WAIT_MS ? waitMs : 0;
  }
}
