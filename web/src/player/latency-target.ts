/**
 * The target latency: as low as the list, the network and the decoder allow, higher after each stall, lower
 * again while there is none.
 *
 * The edge moves in steps, a Part or a segment at a time. The distance is measured from the straight line
 * through the moments at which the playlist was newest. With Parts, the target is what must be in the buffer
 * right after a Part has arrived: that Part, what its successor may be late, and what the decoder needs
 * before it shows a frame.
 * In: the end of the playlist at each reload, the end of the buffer whenever it grows, stalls. Out: a target,
 * seconds.
 */
import { Arrivals } from './arrivals.ts';

/** What a live list declares, seconds; 0 if it does not. */
interface ListPromise {
  readonly partTargetS: number;
  /** HOLD-BACK, or three target durations without it. */
  readonly holdBackS: number;
}

/** Lowest target of a stream with Parts before its arrivals are measured, seconds. */
const FIRST_S = 0.5;
/**
 * Of Parts, before their arrivals are measured: with fewer than these in reserve the next one may come too
 * late.
 */
const PARTS_IN_RESERVE = 2.5;
/**
 * Frames that Chromium must have ahead of the picture: with fewer it waits. Measured at 30 frames a second,
 * with and without B-frames.
 */
const FRAMES_TO_DECODE = 3;
/** Beyond the frames to decode: the rate controller keeps the picture within 30 ms of its target. Seconds. */
const RESERVE_S = 0.03;
/**
 * The picture waited although there was media: this much more is kept for the decoder of this browser,
 * seconds.
 */
const DECODER_STEP_S = 0.05;
const MAX_DECODER_S = 0.3;
/** A measured target is approached from above so fast, seconds per second. */
const FALL = 0.025;
const MAX_LATENCY_S = 3;
const STALL_STEP_S = 0.2;
const EASE_STEP_S = 0.05;
const EASE_EVERY_MS = 60_000;
/** The line is drawn through the newest ends of this period, milliseconds. */
const LINE_MS = 30_000;

/** The target of one stream. */
export class LatencyTarget {
  readonly #arrivals = new Arrivals();
  #promise: ListPromise = { partTargetS: 0, holdBackS: FIRST_S };
  #networkS = 0;
  #frameS = 0.04;
  #decoderS = 0;
  #leastS = FIRST_S;
  #atMs = 0;
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
    this.#arrivals.forget();
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
    this.#promise = promise;
    this.#networkS = Math.min(networkS, 1);
    this.#aim(nowMs);
  }

  /**
   * The buffer has grown while the picture was at the edge.
   *
   * @param endMs UTC of its end, unix milliseconds
   * @param nowMs the server's time, unix milliseconds
   * @param frameS duration of a frame
   */
  arrived(endMs: number, nowMs: number, frameS: number): void {
    this.#arrivals.add(nowMs - endMs, nowMs);
    this.#frameS = frameS;
    this.#aim(nowMs);
  }

  /**
   * The picture waits.
   *
   * @param aheadS media ahead of it: if that should have been enough, the decoder of this browser needs more
   */
  waits(aheadS: number): void {
    if (aheadS > this.#toDecodeS) this.#decoderS = Math.min(MAX_DECODER_S, this.#decoderS + DECODER_STEP_S);
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
    if (this.#thinnestS > this.#toDecodeS + EASE_STEP_S) this.#extraS = Math.max(0, this.#extraS - EASE_STEP_S);
    this.#since = null;
  }

  /** What must be ahead of the picture, seconds. */
  get #toDecodeS(): number {
    return FRAMES_TO_DECODE * this.#frameS + this.#decoderS;
  }

  #aim(nowMs: number): void {
    const elapsedS = Math.min(1, Math.max(0, nowMs - this.#atMs) / 1000);
    this.#atMs = nowMs;
    const { partTargetS, holdBackS } = this.#promise;
    const { lineMs } = this;
    const { behindMs } = this.#arrivals;
    if (partTargetS === 0) this.#leastS = Math.max(FIRST_S, holdBackS);
    else if (lineMs === null || behindMs === null)
      this.#leastS = Math.max(FIRST_S, PARTS_IN_RESERVE * partTargetS + this.#networkS);
    else {
      const neededS = partTargetS + (behindMs - lineMs) / 1000 + this.#toDecodeS + RESERVE_S;
      this.#leastS = Math.min(MAX_LATENCY_S, Math.max(neededS, this.#leastS - FALL * elapsedS));
    }
  }
}
