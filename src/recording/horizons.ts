/**
 * The horizon of retention for each stream. A wrong wall clock must not delete recordings (docs/media.md 3).
 * In: the clock and each commit. Out: the instant before which a stream's media is deleted, and a pause after
 * a large clock step. Media committed less than `keep` ago by the monotonic clock is never before the
 * horizon, whatever its timestamps say.
 */
import type { Clock } from '../lib/clock.ts';
import { horizonUs, windowOf } from './window.ts';

/**
 * A clock step of at least this pauses retention, ms; a smaller step only deletes windows that are due soon.
 */
const LARGE_STEP_MS = 300_000;
/** Duration of the pause, ms. */
const PAUSE_MS = 3600_000;
/** Commit marks per stream: the horizon may be late by 1/256 of `keep`. */
const MARKS = 256;
/** Assumed `keep` of a stream until `of` is called for it, ms: a day. */
const USUAL_KEEP_MS = 86_400_000;
/** Least distance of two marks, ms. */
const LEAST_BETWEEN_MS = 1000;

/** When a stream committed media, by the monotonic clock. */
interface Commits {
  /** Oldest first: media that was committed from `atMs` to `untilMs` starts at or after `startUs`. */
  readonly marks: { readonly atMs: number; untilMs: number; readonly startUs: number }[];
  /** `keep` of the last call of `of`. */
  keepMs: number;
}

/** Options of `Horizons`. */
interface HorizonsOptions {
  readonly clock: Clock;
  /** Newest timestamp on disk, ms since 1970; undefined in a new data folder. */
  readonly lastSeenMs?: number | undefined;
  /** Called when a pause begins, with the reason. */
  readonly paused?: (why: string) => void;
}

/** The horizons of all streams of a process. */
export class Horizons {
  readonly #clock: Clock;
  readonly #paused: (why: string) => void;
  readonly #commits = new Map<string, Commits>();
  /** Last result of `of` by stream, µs. */
  readonly #horizons = new Map<string, number>();
  #offsetMs: number;
  #pause: { readonly why: string; readonly untilMs: number } | undefined;

  /**
   * Pauses at once if the clock is far from the newest timestamp on disk: the clock may be wrong, or oxbow
   * was off for a while.
   */
  constructor({ clock, lastSeenMs, paused = () => {} }: HorizonsOptions) {
    this.#clock = clock;
    this.#paused = paused;
    this.#offsetMs = clock.nowMs() - clock.monotonicMs();
    const byMs = lastSeenMs === undefined ? 0 : clock.nowMs() - lastSeenMs;
    if (Math.abs(byMs) >= LARGE_STEP_MS) {
      this.#begin(`the clock is ${printMinutes(byMs)} ${byMs > 0 ? 'after' : 'before'} the newest recording or note`);
    }
  }

  /** Reason and remaining time of the pause of retention by age; undefined if it is not paused. */
  get pause(): { readonly why: string; readonly leftMs: number } | undefined {
    this.#look();
    if (!this.#pause) return undefined;
    return { why: this.#pause.why, leftMs: this.#pause.untilMs - this.#clock.monotonicMs() };
  }

  /** Called when a group is on disk. @param startUs start of the group, µs since 1970 */
  committed(streamId: string, startUs: number): void {
    const nowMs = this.#clock.monotonicMs();
    const commits = this.#commits.get(streamId);
    const { marks, keepMs } = commits ?? { marks: [], keepMs: USUAL_KEEP_MS };
    if (!commits) this.#commits.set(streamId, { marks, keepMs });
    const last = marks.at(-1);
    if (last && nowMs - last.atMs < Math.max(LEAST_BETWEEN_MS, keepMs / MARKS)) {
      last.untilMs = nowMs;
      return;
    }
    marks.push({ atMs: nowMs, untilMs: nowMs, startUs });
    while (marks.length > 2 * MARKS || marks[0]!.untilMs < nowMs - keepMs) marks.shift();
  }

  /**
   * The instant before which only pinned windows of a stream are kept: a ten-minute mark, µs since 1970.
   * Constant during a pause.
   *
   * @param keepMs retention time of the stream
   */
  of(streamId: string, keepMs: number): number {
    this.#look();
    const commits = this.#commits.get(streamId);
    if (commits) commits.keepMs = keepMs;
    if (this.#pause) return this.#horizons.get(streamId) ?? 0;
    const byClockUs = horizonUs(this.#clock.nowMs(), keepMs);
    const us = Math.min(byClockUs, windowOf(this.#keptFromUs(commits, keepMs)));
    this.#horizons.set(streamId, us);
    return us;
  }

  /** Removes the state of a deleted stream. */
  forget(streamId: string): void {
    this.#commits.delete(streamId);
    this.#horizons.delete(streamId);
  }

  /**
   * Start of the oldest media committed less than `keepMs` ago, to the resolution of the marks; µs since
   * 1970, or infinity.
   */
  #keptFromUs(commits: Commits | undefined, keepMs: number): number {
    const sinceMs = this.#clock.monotonicMs() - keepMs;
    return commits?.marks.find(({ untilMs }) => untilMs > sinceMs)?.startUs ?? Number.POSITIVE_INFINITY;
  }

  /** Checks for a clock step and the end of the pause. */
  #look(): void {
    const monotonicMs = this.#clock.monotonicMs();
    if (this.#pause && monotonicMs >= this.#pause.untilMs) this.#pause = undefined;
    const offsetMs = this.#clock.nowMs() - monotonicMs;
    const byMs = offsetMs - this.#offsetMs;
    this.#offsetMs = offsetMs;
    if (Math.abs(byMs) >= LARGE_STEP_MS)
      this.#begin(`the clock was set ${byMs > 0 ? 'forward' : 'back'} by ${printMinutes(byMs)}`);
  }

  #begin(why: string): void {
    this.#pause = { why, untilMs: this.#clock.monotonicMs() + PAUSE_MS };
    this.#paused(why);
  }
}

function printMinutes(ms: number): string {
  const minutes = Math.abs(ms) / 60_000;
  if (minutes < 120) return `${minutes.toFixed(0)} minutes`;
  return minutes < 2880 ? `${(minutes / 60).toFixed(0)} hours` : `${(minutes / 1440).toFixed(0)} days`;
}
