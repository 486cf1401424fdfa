/**
 * Runs and windows of a stream that the player knows: the UTC offset (UTC of media time 0) by Media Sequence
 * Number, and which windows are closed, with their revision.
 * In: timelines from the API. Out: Frames, the splicer.
 */
import type { TimelineView } from '../../../../src/api/shapes.ts';
import { ApiError } from '../../api/client.ts';

/** Requests the timeline of [fromMs, toMs), unix milliseconds. */
export type FetchTimeline = (fromMs: number, toMs: number, signal: AbortSignal) => Promise<TimelineView>;

interface Run {
  firstMsn: number;
  readonly utcOffsetMs: number;
}

/** A closed window: the address of its revision never changes its bytes. */
interface KnownWindow {
  readonly rev: number;
  readonly closed: boolean;
}

/** An unknown run is requested at most this often, with a pause that doubles each time. */
const MAX_REQUESTS = 6;
const FIRST_WAIT_MS = 1_000;

/** Runs and windows of one stream; requests only unknown ones. */
export class Facts {
  readonly #fetchTimeline: FetchTimeline;
  readonly #now: () => number;
  readonly #signal: AbortSignal;
  readonly #runs = new Map<number, Run>();
  readonly #windows = new Map<number, KnownWindow>();
  #requesting = false;
  #requests = 0;
  #notBeforeMs = 0;

  /**
   * @param now a monotonic clock, milliseconds
   * @param signal ends all requests
   */
  constructor(fetchTimeline: FetchTimeline, now: () => number, signal: AbortSignal) {
    this.#fetchTimeline = fetchTimeline;
    this.#now = now;
    this.#signal = signal;
  }

  /** Adds the runs and windows of a response. */
  learn(view: Pick<TimelineView, 'runs' | 'windows'>): void {
    for (const { run, firstMsn, utcOffset } of view.runs) {
      const previous = this.#runs.get(run);
      this.#runs.set(run, {
        firstMsn: Math.min(firstMsn, previous?.firstMsn ?? firstMsn),
        utcOffsetMs: utcOffset * 1000,
      });
    }
    for (const { from, rev, closed } of view.windows) this.#windows.set(from, { rev, closed });
    // A page that stays open for weeks drops the oldest.
    for (const map of [this.#runs, this.#windows]) {
      for (const key of map.keys()) {
        if (map.size <= 2_000) break;
        map.delete(key);
      }
    }
  }

  /**
   * UTC of media time 0 of the run that contains a Media Segment, unix milliseconds with fractions; null if
   * no run is known.
   *
   * @param msn Media Sequence Number from the segment's address
   */
  utcOffsetOf(msn: number): number | null {
    let best: Run | undefined;
    for (const run of this.#runs.values()) {
      if (run.firstMsn <= msn && (!best || run.firstMsn > best.firstMsn)) best = run;
    }
    return best?.utcOffsetMs ?? null;
  }

  /** The known revision of the window that starts at `fromSeconds`, unix seconds. */
  window(fromSeconds: number): KnownWindow | undefined {
    return this.#windows.get(fromSeconds);
  }

  /**
   * Requests [fromMs, toMs) at once.
   *
   * @throws ApiError
   */
  async load(fromMs: number, toMs: number): Promise<void> {
    this.learn(await this.#fetchTimeline(fromMs, toMs, this.#signal));
  }

  /**
   * The run at this time is unknown, or its offset does not match: requests it, with growing pauses and only
   * a few times.
   */
  missed(atMs: number): void {
    if (this.#requesting || this.#requests >= MAX_REQUESTS || this.#now() < this.#notBeforeMs || this.#signal.aborted)
      return;
    this.#requesting = true;
    this.#notBeforeMs = this.#now() + FIRST_WAIT_MS * 2 ** this.#requests;
    this.#requests += 1;
    this.load(atMs - 60_000, atMs + 60_000)
      .catch((error: unknown) => {
        // Without it, times come from the playlist; a later request may succeed.
        if (!this.#signal.aborted && !(error instanceof ApiError)) throw error;
      })
      .finally(() => {
        this.#requesting = false;
      });
  }

  /** The run was found: later ones may be requested again. */
  found(): void {
    this.#requests = 0;
  }
}
