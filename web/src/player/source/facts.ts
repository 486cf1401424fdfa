/**
 * What the player knows of a stream's runs and windows: UTC offset (UTC of media time 0) by Media Sequence Number, and which windows are
 * closed under which revision.
 * In: timelines from the API. Out: Frames, the splicer.
 */
import type { TimelineView } from '../../../../src/api/shapes.ts';
import { ApiError } from '../../api/client.ts';

/** Asks the server for [fromMs, toMs), unix milliseconds. */
export type AskFacts = (fromMs: number, toMs: number, signal: AbortSignal) => Promise<TimelineView>;

interface Run {
  firstMsn: number;
  readonly utcOffsetMs: number;
}

/** An address that never changes its bytes. */
export interface KnownWindow {
  readonly rev: number;
  readonly closed: boolean;
}

/** A run that stays unknown is asked for so many times, each time waiting twice as long. */
const MOST_ASKS = 6;
const FIRST_WAIT_MS = 1_000;

/** Runs and windows of one stream; asks again only while something is unknown. */
export class Facts {
  readonly #ask: AskFacts;
  readonly #now: () => number;
  readonly #signal: AbortSignal;
  readonly #runs = new Map<number, Run>();
  readonly #windows = new Map<number, KnownWindow>();
  #asking = false;
  #asks = 0;
  #notBeforeMs = 0;

  /**
   * @param now any clock that runs on, milliseconds
   * @param signal ends all questions
   */
  constructor(ask: AskFacts, now: () => number, signal: AbortSignal) {
    this.#ask = ask;
    this.#now = now;
    this.#signal = signal;
  }

  /** Takes over what an answer of the API tells. */
  learn(view: Pick<TimelineView, 'runs' | 'windows'>): void {
    for (const { run, firstMsn, utcOffset } of view.runs) {
      const known = this.#runs.get(run);
      this.#runs.set(run, { firstMsn: Math.min(firstMsn, known?.firstMsn ?? firstMsn), utcOffsetMs: utcOffset * 1000 });
    }
    for (const { from, rev, closed } of view.windows) this.#windows.set(from, { rev, closed });
    // A page that is open for weeks forgets the oldest.
    for (const map of [this.#runs, this.#windows]) {
      for (const key of map.keys()) {
        if (map.size <= 2_000) break;
        map.delete(key);
      }
    }
  }

  /**
   * UTC of media time 0 of the run that holds a Media Segment, unix milliseconds with fractions; null where no run is known.
   *
   * @param msn Media Sequence Number, as the segment's address names it
   */
  utcOffsetOf(msn: number): number | null {
    let best: Run | undefined;
    for (const run of this.#runs.values()) {
      if (run.firstMsn <= msn && (!best || run.firstMsn > best.firstMsn)) best = run;
    }
    return best?.utcOffsetMs ?? null;
  }

  /** What is known of the window that starts at `fromSeconds`, unix seconds. */
  window(fromSeconds: number): KnownWindow | undefined {
    return this.#windows.get(fromSeconds);
  }

  /**
   * Asks about [fromMs, toMs), at once.
   *
   * @throws ApiError
   */
  async load(fromMs: number, toMs: number): Promise<void> {
    this.learn(await this.#ask(fromMs, toMs, this.#signal));
  }

  /** The run at a moment turned out to be unknown, or not what was thought: asks for it, seldom and a few times only. */
  missed(atMs: number): void {
    if (this.#asking || this.#asks >= MOST_ASKS || this.#now() < this.#notBeforeMs || this.#signal.aborted) return;
    this.#asking = true;
    this.#notBeforeMs = this.#now() + FIRST_WAIT_MS * 2 ** this.#asks;
    this.#asks += 1;
    this.load(atMs - 60_000, atMs + 60_000)
      .catch((error: unknown) => {
        // Without it times come from the playlist; the next question may be answered.
        if (!this.#signal.aborted && !(error instanceof ApiError)) throw error;
      })
      .finally(() => {
        this.#asking = false;
      });
  }

  /** A run was found where it was looked for: later ones may be asked for again. */
  found(): void {
    this.#asks = 0;
  }
}
