/**
 * The exact recording of one stream near a time: whether a tile has something to play there, and if
 * not, why and until when.
 * In: the timeline of the API. Out: holes for tiles.
 */
import { failureOf } from '../api/client.ts';
import { grownPast, type Past, readPast, type Stretch, stretchAt, TOUCHING_MS } from '../time/past.ts';
import type { FetchTimeline } from '../timeline/recorded.ts';

/** The span requested around a time, ms. */
const BEFORE_MS = 60_000;
const AFTER_MS = 300_000;
/** The next range is requested when less than this is known ahead, ms. */
const LEFT_MS = 30_000;
/** Times that were not recorded yet, and failed ones, are requested again after this, ms. */
const AGAIN_MS = 5_000;
/** The newest media is not in the timeline yet: nothing nearer to now counts as missing, ms. */
const FRESH_MS = 20_000;

/** The past of one stream near the common time. */
export class NearbyPast {
  readonly #fetchTimeline: FetchTimeline;
  readonly #now: () => number;
  readonly #signal: AbortSignal;
  readonly #changed: () => void;
  #past: Past = { fromMs: 0, toMs: 0, stretches: [] };
  #askedMs = Number.NEGATIVE_INFINITY;
  #isAsking = false;
  #hasFailed = false;

  /**
   * @param now the server's time, unix ms
   * @param changed called after each response
   */
  constructor(fetchTimeline: FetchTimeline, now: () => number, signal: AbortSignal, changed: () => void) {
    this.#fetchTimeline = fetchTimeline;
    this.#now = now;
    this.#signal = signal;
    this.#changed = changed;
  }

  /** A request for this time is on its way, and nothing is known of it. */
  waitsFor(atMs: number): boolean {
    return this.#isAsking && !this.#knows(atMs);
  }

  /** Requests the missing part around a time, unix ms. */
  want(atMs: number): void {
    const nowMs = this.#now();
    if (this.#isAsking || atMs > nowMs - FRESH_MS) return;
    const isGrowing = this.#past.toMs < Math.min(atMs + LEFT_MS, nowMs - FRESH_MS);
    const isKnown = this.#knows(atMs);
    if (isKnown && !isGrowing) return;
    if ((isKnown || this.#hasFailed) && nowMs - this.#askedMs < AGAIN_MS) return;
    void this.#ask(atMs - BEFORE_MS, Math.min(nowMs, atMs + AFTER_MS));
  }

  /**
   * The stretch without media that contains a time; undefined if there is media, or it is not known.
   *
   * @param atMs unix ms
   */
  holeAt(atMs: number): Stretch | undefined {
    if (!this.#knows(atMs)) return undefined;
    const past = grownPast(this.#past, this.#now());
    const here = stretchAt(past, atMs);
    if (here?.kind === 'media') return undefined;
    const next = past.stretches.find(({ kind, fromMs }) => kind === 'media' && fromMs > atMs);
    const toMs = next?.fromMs ?? Math.max(here?.toMs ?? 0, past.toMs);
    if (toMs - atMs <= TOUCHING_MS || atMs > this.#now() - FRESH_MS) return undefined;
    return here ? { ...here, toMs } : { kind: 'offline', fromMs: atMs, toMs };
  }

  #knows(atMs: number): boolean {
    return atMs >= this.#past.fromMs && atMs < this.#past.toMs;
  }

  async #ask(fromMs: number, toMs: number): Promise<void> {
    this.#isAsking = true;
    this.#askedMs = this.#now();
    try {
      const view = await this.#fetchTimeline(fromMs, toMs, this.#signal);
      this.#past = { ...readPast(view), fromMs, toMs };
      this.#hasFailed = false;
    } catch (error) {
      this.#hasFailed = true; // requested again; without an answer nothing counts as missing
      if (!this.#signal.aborted) failureOf(error);
    } finally {
      this.#isAsking = false;
      if (!this.#signal.aborted) this.#changed();
    }
  }
}
