/**
 * The target latency: as low as the list and the network allow, higher after each stall, lower again while there is none.
 *
 * The edge moves in steps, a Part or a segment at a time. The distance is measured from the straight line through the moments at which
 * the playlist was newest.
 * In: the end of the playlist at each reload, the buffered time, stalls. Out: a target, seconds.
 */

/** What a live list declares, seconds; 0 if it does not. */
export interface ListPromise {
  readonly partTargetS: number;
  /** HOLD-BACK, or three target durations without it. */
  readonly holdBackS: number;
}

/** Lowest target of a stream with Parts, seconds. */
const FIRST_S = 0.5;
/** Of Parts: with fewer than these in reserve the next one may come too late. */
const PARTS_IN_RESERVE = 2.5;
const MAX_LATENCY_S = 3;
const STALL_STEP_S = 0.2;
const EASE_STEP_S = 0.05;
const EASE_EVERY_MS = 60_000;
/** Lower only if at least this was always buffered, seconds. */
const EASY_AHEAD_S = 0.2;
/** The line is drawn through the newest ends of this period, milliseconds. */
const LINE_MS = 30_000;

/** The target of one stream. */
export class LatencyTarget {
  #leastS = FIRST_S;
  #extraS = 0;
  #beforeS = 0;
  #since: number | null = null;
  #thinnestS = Number.POSITIVE_INFINITY;
  readonly #ends: { readonly atMs: number; readonly behindMs: number }[] = [];

  /** Distance from the line to play at, seconds. */
  get targetLatencyS(): number {
    return this.#leastS + this.#extraS;
  }

  /** From the line to now, milliseconds; null before the first list. */
  get lineMs(): number | null {
    let least: number | null = null;
    for (const { behindMs } of this.#ends) least = Math.min(least ?? behindMs, behindMs);
    return least;
  }

  /** Another list: its line is unknown. The effect of stalls is kept. */
  restart(): void {
    this.#ends.length = 0;
    this.#since = null;
  }

  /**
   * The list has grown.
   *
   * @param endMs UTC of its end, unix milliseconds
   * @param nowMs the server's time, unix milliseconds
   * @param networkS a round trip; 0 where unknown
   */
  listed(endMs: number, nowMs: number, promise: ListPromise, networkS: number): void {
    this.#ends.push({ atMs: nowMs, behindMs: nowMs - endMs });
    // Either way: the server's clock may have been set back.
    while (this.#ends.length > 1 && Math.abs(nowMs - this.#ends[0]!.atMs) > LINE_MS) this.#ends.shift();
    const { partTargetS, holdBackS } = promise;
    const reserveS = partTargetS > 0 ? PARTS_IN_RESERVE * partTargetS + Math.min(networkS, 1) : holdBackS;
    this.#leastS = Math.max(FIRST_S, reserveS);
  }

  /** The picture stalled. */
  stalled(): void {
    this.#beforeS = this.#extraS;
    this.#extraS = Math.min(Math.max(0, MAX_LATENCY_S - this.#leastS), this.#extraS + STALL_STEP_S);
    this.#since = null;
  }

  /** The last stall does not count: the stream had ended. */
  undo(): void {
    this.#extraS = this.#beforeS;
  }

  /**
   * The picture plays.
   *
   * @param aheadS media ahead of the picture
   * @param steadyMs a monotonic clock
   */
  smooth(aheadS: number, steadyMs: number): void {
    if (this.#since === null) {
      this.#since = steadyMs;
      this.#thinnestS = aheadS;
    }
    this.#thinnestS = Math.min(this.#thinnestS, aheadS);
    if (steadyMs - this.#since < EASE_EVERY_MS) return;
    if (this.#thinnestS > EASY_AHEAD_S) this.#extraS = Math.max(0, this.#extraS - EASE_STEP_S);
    this.#since = null;
  }
}
