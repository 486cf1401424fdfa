/**
 * Whether a member's network delivers what a room plays as fast as it plays.
 * In: whether the picture lacks media, at each step. Out: a verdict, which changes seldom; how often it ran
 * dry. Pure.
 */

import type { SyncTarget } from '../../player/sync-target.ts';

/** A member that the room waits for is ready with this much media ahead, ms. */
const READY_MS = 2_000;
/** At the end of the media this is not needed, ms. */
const END_MS = 250;

/** Whether a player can go on from a position, ms, in a room that waits for its members. */
export function isReady(target: SyncTarget, positionMs: number): boolean {
  const aheadMs = Math.min(positionMs + READY_MS, (target.durationMs ?? Number.POSITIVE_INFINITY) - END_MS);
  return target.pictured && (target.isBuffered(aheadMs) || !target.exists(aheadMs));
}

/** The waits of this much time count, ms. */
const WINDOW_MS = 30_000;
/** Too slow from here; no longer below that, ms of the window. */
const SLOW_MS = 4_000;
const FINE_MS = 1_000;
/** While it is too slow, the quality is lowered this often; and it stays low for this long. Ms. */
const EASE_MS = 8_000;
const EASED_FOR_MS = 120_000;
/** Steps further apart mean that the page stood still, ms. */
const LONGEST_STEP_MS = 2_000;

/** What one member's player receives. Times are of a steady clock, ms. */
export class Supply {
  #waits: { readonly fromMs: number; toMs: number }[] = [];
  #lookedMs = Number.NEGATIVE_INFINITY;
  #lacked = false;
  #isSlow = false;
  /** When the quality was last lowered; null: it is not. */
  #easedMs: number | null = null;

  /** The picture has lacked media long enough that its viewer should know why. */
  get isSlow(): boolean {
    return this.#isSlow;
  }

  /**
   * Called at each step. A player sees late that a network is too slow for live media, which never arrives
   * faster than it is made.
   *
   * @param lacks it should play, and has no media
   * @returns true: the quality is to be lowered; false: it may rise again; null: neither
   */
  look(lacks: boolean, atMs: number): boolean | null {
    const steppedMs = atMs - this.#lookedMs;
    this.#lookedMs = atMs;
    const last = this.#waits.at(-1);
    if (lacks && this.#lacked && last && steppedMs <= LONGEST_STEP_MS) last.toMs = atMs;
    else if (lacks) this.#waits.push({ fromMs: atMs, toMs: atMs });
    this.#lacked = lacks;
    const fromMs = atMs - WINDOW_MS;
    this.#waits = this.#waits.filter(({ toMs }) => toMs > fromMs);
    const waitedMs = this.#waits.reduce((sum, wait) => sum + wait.toMs - Math.max(fromMs, wait.fromMs), 0);
    this.#isSlow = waitedMs >= (this.#isSlow ? FINE_MS : SLOW_MS);
    const sinceMs = atMs - (this.#easedMs ?? Number.NEGATIVE_INFINITY);
    if (this.#isSlow && lacks && sinceMs > EASE_MS) {
      this.#easedMs = atMs;
      return true;
    }
    if (this.#easedMs === null || this.#isSlow || sinceMs <= EASED_FOR_MS) return null;
    this.#easedMs = null;
    return false;
  }

  /** Another thing plays, or the page was hidden: what was before does not count. */
  reset(): void {
    this.#waits = [];
    this.#lacked = false;
    this.#isSlow = false;
  }
}
