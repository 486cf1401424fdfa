/**
 * How far retention may go: a wall clock that is wrong must not take recordings away (docs/media.md 3).
 * In: the clock, and each commit. Out: per stream the instant before which nothing is kept, and the pause after a large step of the
 * clock. Media that was committed less than `keep` ago by the monotonic clock lies behind no horizon, whatever its time says.
 */
import type { Clock } from '../lib/clock.ts';
import { horizonUs, windowOf } from './window.ts';

/** A step of the clock that is larger than this pauses retention, ms; smaller ones take no window that would not go soon. */
const LARGE_STEP_MS = 300_000;
/** How long, ms. */
const PAUSE_MS = 3600_000;
/** Marks of commits kept for each stream: the horizon may be late by this share of `keep`. */
const MARKS = 256;
/** Until it is asked for, ms: a day. */
const USUAL_KEEP_MS = 86_400_000;
/** Marks are no closer than this, ms. */
const LEAST_BETWEEN_MS = 1000;

/** When a stream committed media, by the monotonic clock. */
interface Commits {
  /** Oldest first: media that was committed from `atMs` to `untilMs` starts at or after `startUs`. */
  readonly marks: { readonly atMs: number; untilMs: number; readonly startUs: number }[];
  /** How long the stream is kept, as it was asked for last. */
  keepMs: number;
}

/** What a process knows when it starts. */
export interface HorizonsOptions {
  readonly clock: Clock;
  /** The newest instant that anything on the disk names, ms since 1970; undefined in a new data folder. */
  readonly lastSeenMs?: number | undefined;
  /** Told when a pause begins, with the reason. */
  readonly paused?: (why: string) => void;
}

/** The horizons of all streams of a process. */
export class Horizons {
  readonly #clock: Clock;
  readonly #paused: (why: string) => void;
  readonly #commits = new Map<string, Commits>();
  /** The horizon of each stream as it was given last, µs. */
  readonly #given = new Map<string, number>();
  #offsetMs: number;
  #pause: { readonly why: string; readonly untilMs: number } | undefined;

  /** Pauses at once where the clock is far from what the disk names: the clock may be wrong, or oxbow was off for a while. */
  constructor({ clock, lastSeenMs, paused = () => {} }: HorizonsOptions) {
    this.#clock = clock;
    this.#paused = paused;
    this.#offsetMs = clock.nowMs() - clock.monotonicMs();
    const byMs = lastSeenMs === undefined ? 0 : clock.nowMs() - lastSeenMs;
    if (Math.abs(byMs) >= LARGE_STEP_MS) {
      this.#begin(`the clock is ${spoken(byMs)} ${byMs > 0 ? 'after' : 'before'} the newest recording or note`);
    }
  }

  /** Why retention by age is paused, and for how long yet; undefined while it is not. */
  get pause(): { readonly why: string; readonly leftMs: number } | undefined {
    this.#look();
    if (!this.#pause) return undefined;
    return { why: this.#pause.why, leftMs: this.#pause.untilMs - this.#clock.monotonicMs() };
  }

  /** A group of a stream is on the disk. @param startUs its start, µs since 1970 */
  committed(streamId: string, startUs: number): void {
    const nowMs = this.#clock.monotonicMs();
    const known = this.#commits.get(streamId);
    const { marks, keepMs } = known ?? { marks: [], keepMs: USUAL_KEEP_MS };
    if (!known) this.#commits.set(streamId, { marks, keepMs });
    const last = marks.at(-1);
    if (last && nowMs - last.atMs < Math.max(LEAST_BETWEEN_MS, keepMs / MARKS)) {
      last.untilMs = nowMs;
      return;
    }
    marks.push({ atMs: nowMs, untilMs: nowMs, startUs });
    while (marks.length > 2 * MARKS || marks[0]!.untilMs < nowMs - keepMs) marks.shift();
  }

  /**
   * The instant before which nothing of a stream is kept but what is pinned: a ten-minute mark, µs since 1970. Stands still during a
   * pause.
   *
   * @param keepMs how long its media is kept
   */
  of(streamId: string, keepMs: number): number {
    this.#look();
    const commits = this.#commits.get(streamId);
    if (commits) commits.keepMs = keepMs;
    if (this.#pause) return this.#given.get(streamId) ?? 0;
    const byClockUs = horizonUs(this.#clock.nowMs(), keepMs);
    const us = Math.min(byClockUs, windowOf(this.#keptFromUs(commits, keepMs)));
    this.#given.set(streamId, us);
    return us;
  }

  /** Forgets a stream that was deleted. */
  forget(streamId: string): void {
    this.#commits.delete(streamId);
    this.#given.delete(streamId);
  }

  /** Start of the oldest media that was committed less than `keepMs` ago, as far as marks tell; µs since 1970, or infinity. */
  #keptFromUs(commits: Commits | undefined, keepMs: number): number {
    const sinceMs = this.#clock.monotonicMs() - keepMs;
    return commits?.marks.find(({ untilMs }) => untilMs > sinceMs)?.startUs ?? Number.POSITIVE_INFINITY;
  }

  #look(): void {
    const monotonicMs = this.#clock.monotonicMs();
    if (this.#pause && monotonicMs >= this.#pause.untilMs) this.#pause = undefined;
    const offsetMs = this.#clock.nowMs() - monotonicMs;
    const byMs = offsetMs - this.#offsetMs;
    this.#offsetMs = offsetMs;
    if (Math.abs(byMs) >= LARGE_STEP_MS)
      this.#begin(`the clock was set ${byMs > 0 ? 'forward' : 'back'} by ${spoken(byMs)}`);
  }

  #begin(why: string): void {
    this.#pause = { why, untilMs: this.#clock.monotonicMs() + PAUSE_MS };
    this.#paused(why);
  }
}

function spoken(ms: number): string {
  const minutes = Math.abs(ms) / 60_000;
  if (minutes < 120) return `${minutes.toFixed(0)} minutes`;
  return minutes < 2880 ? `${(minutes / 60).toFixed(0)} hours` : `${(minutes / 1440).toFixed(0)} days`;
}
