/**
 * The timeline of one page: the recorded past in the view of the bar, and the marks in it. Sends its own
 * requests.
 * In: the stream's name, the viewport of the bar. Out: the bar, the player (`recorded`), markers and clips.
 */
import { type Failure, failureOf, getTimeline, isLost } from '../api/client.ts';
import { pause, poll } from '../api/poll.ts';
import type { Past } from '../time/past.ts';
import type { HeatBucket } from './heat/heat.ts';
import type { Point, PointQuery } from './marks.ts';
import { Recorded } from './recorded.ts';
import type { Marker, Pin } from './tiles.ts';
import { Viewport } from './viewport.svelte.ts';

/** Interval of requests for the growing end, milliseconds. */
const GROWS_MS = 5_000;
/** Requests wait until the view has not moved for this long, milliseconds. */
const SETTLES_MS = 120;

/** A drag through the past. */
export interface Scrub {
  /** The time under the pointer, unix milliseconds. */
  readonly atMs: number;
  /** The pointer is down; false from its release until the picture of that time is there. */
  readonly held: boolean;
}

/** The timeline of one stream. */
export class TimelineState {
  /** The past around the view. */
  past = $state.raw<Past>({ fromMs: 0, toMs: 0, stretches: [] });
  /** In order of time. */
  markers = $state.raw<readonly Marker[]>([]);
  pins = $state.raw<readonly Pin[]>([]);
  /** What viewers watched again, in order of time; empty while it is not shown. */
  heat = $state.raw<readonly HeatBucket[]>([]);
  /** The failure of the last request. */
  failure = $state.raw<Failure | null>(null);
  /** The drag on the bar or across the picture; null if there is none. */
  scrub = $state.raw<Scrub | null>(null);
  /** The stage shows the picture of a drag; otherwise the preview at the pointer does. */
  scrubsOnStage = $state(false);
  /** The time under a mouse on the bar, whose pictures are loaded ahead; unix milliseconds. */
  pointedMs = $state<number | null>(null);
  /** What the bar shows; its past is requested. */
  readonly viewport: Viewport;
  /** Finds playable times for the player. */
  readonly recorded: Recorded;

  readonly #ends = new AbortController();
  #settling = new AbortController();

  /**
   * @param stream name of the stream
   * @param now the server's time, unix milliseconds
   */
  constructor(stream: string, now: () => number) {
    this.viewport = new Viewport(now, () => this.#viewMoved());
    this.recorded = new Recorded(
      (fromMs, toMs, signal, resS) => getTimeline(stream, fromMs, toMs, signal, resS),
      now,
      this.#ends.signal,
    );
  }

  /** Requests the view, now and as it grows, until `close`. */
  async start(): Promise<void> {
    await poll(GROWS_MS, async () => (document.hidden ? undefined : this.#cover()), { signal: this.#ends.signal });
  }

  /** Ends all requests. */
  close(): void {
    this.#ends.abort();
    this.#settling.abort();
  }

  /** Requests everything shown again: a marker or a protected span changed. */
  async refresh(): Promise<void> {
    this.recorded.forget();
    await this.#cover();
  }

  /** The next point, as far as is known; undefined if it must be searched with `findPoint`. */
  knownPoint(query: PointQuery): Point | null | undefined {
    return this.recorded.knownPoint(this.viewport.view, query);
  }

  /** Searches the next point, one search at a time. @returns null if there is none. @throws ApiError */
  findPoint(query: PointQuery): Promise<Point | null> {
    return this.recorded.findPoint(this.viewport.view, query);
  }

  #viewMoved(): void {
    this.#take(); // the known past, at once
    this.#settling.abort();
    const settling = new AbortController();
    this.#settling = settling;
    pause(SETTLES_MS, settling.signal).then(() => {
      if (!settling.signal.aborted && !this.#ends.signal.aborted) this.#cover();
    });
  }

  async #cover(): Promise<void> {
    try {
      await this.recorded.cover(this.viewport.view, this.viewport.firstMs ?? 0);
      this.failure = null;
      this.#take();
    } catch (error) {
      if (this.#ends.signal.aborted) return;
      const failure = failureOf(error);
      // The page itself says that oxbow does not respond, once.
      // Viewers wait for the start, or see nothing of that time: the page says so elsewhere.
      const isHidden = failure.code === 'not-started' || failure.code === 'past-limited';
      if (!isLost(failure) && !isHidden) this.failure = failure;
    }
  }

  #take(): void {
    const { past, markers, pins } = this.recorded.tileFor(this.viewport.view);
    if (past !== this.past) this.past = past;
    if (markers !== this.markers) this.markers = markers;
    if (pins !== this.pins) this.pins = pins;
  }
}
