/**
 * The timeline of one page: the view of the bar, the recorded past and the marks in it. Sends its own
 * requests.
 * In: the stream's name, the player's position. Out: the bar, the player (`recorded`), markers and clips.
 */
import { type Failure, failureOf, getTimeline, isLost } from '../api/client.ts';
import { pause, poll } from '../api/poll.ts';
import type { Past } from '../time/past.ts';
import type { Point, PointQuery } from './marks.ts';
import { type FetchTimeline, Recorded } from './recorded.ts';
import type { Marker, Pin } from './tiles.ts';
import type { View } from './view.ts';
import * as zooming from './zoom.ts';

/** Interval of requests for the growing end, milliseconds. */
const GROWS_MS = 5_000;
/** Requests wait until the view has not moved for this long, milliseconds. */
const SETTLES_MS = 120;
/** A larger move of the playhead, beyond what it can have played, is a jump. Milliseconds. */
const JUMP_MS = 4_000;
/** A view that follows now may lag by this fraction of its length: less than a pixel. */
const UNSEEN = 1 / 4000;

/** A drag through the past. */
export interface Scrub {
  /** The time under the pointer, unix milliseconds. */
  readonly atMs: number;
  /** The pointer is down; false from its release until the picture of that time is there. */
  readonly held: boolean;
}

/** The state of a timeline bar. */
export class TimelineState {
  /** The past around the view. */
  past = $state.raw<Past>({ fromMs: 0, toMs: 0, stretches: [] });
  /** The shown range [fromMs, toMs), unix milliseconds. */
  view = $state.raw<View>({ fromMs: 0, toMs: 1 });
  /** In order of time. */
  markers = $state.raw<readonly Marker[]>([]);
  pins = $state.raw<readonly Pin[]>([]);
  /** The failure of the last request. */
  failure = $state.raw<Failure | null>(null);
  /** The bar keeps the playhead in view; false once the viewer has moved the bar away. */
  follows = $state(true);
  /** The drag on the bar or across the picture; null if there is none. */
  scrub = $state.raw<Scrub | null>(null);
  /** The stage shows the picture of a drag; otherwise the preview at the pointer does. */
  scrubsOnStage = $state(false);
  /** The time under a mouse on the bar, whose pictures are loaded ahead; unix milliseconds. */
  pointedMs = $state<number | null>(null);
  /** Finds playable times for the player. */
  readonly recorded: Recorded;

  readonly #ends = new AbortController();
  readonly #now: () => number;
  #seen: zooming.ZoomInput;
  #touched = false;
  /** The picture has been live since the page was opened. */
  #wasLive = false;
  #whole = false;
  #settling = new AbortController();

  /**
   * @param stream name of the stream
   * @param now the server's time, unix milliseconds
   * @param fetchTimeline for tests
   */
  constructor(stream: string, now: () => number, fetchTimeline?: FetchTimeline) {
    this.#now = now;
    this.#seen = { nowMs: now(), firstMs: null, shownMs: null, live: true };
    this.view = zooming.firstView(this.#seen);
    this.recorded = new Recorded(
      fetchTimeline ?? ((fromMs, toMs, signal, resS) => getTimeline(stream, fromMs, toMs, signal, resS)),
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

  /** Sets what the player shows; the bar calls it after each change. */
  look(seen: zooming.ZoomInput): void {
    const before = this.#seen;
    this.#seen = seen;
    const played = 2 * Math.abs(seen.nowMs - before.nowMs);
    const wasShown = before.shownMs !== null && seen.shownMs !== null;
    const moved = wasShown ? Math.abs(seen.shownMs! - before.shownMs!) : 0;
    // A view that was moved before the first picture arrived stays as it is.
    const isBack = seen.live && !before.live && (this.#wasLive || !this.#touched);
    if (moved > JUMP_MS + played || isBack) this.follows = true;
    this.#wasLive ||= seen.live;
    if (before.firstMs === null && seen.firstMs !== null && !this.#touched) {
      const first = zooming.firstView(seen);
      this.#whole = zooming.zoomOf(first, seen) === 'all';
      this.#show(first);
    } else if (this.#whole) this.#show(zooming.fullView(seen));
    else this.#show(zooming.followView(this.view, seen, this.follows));
  }

  /** Shows another range, clamped. @param view unix milliseconds */
  setView(view: View): void {
    this.#touched = true;
    const seen = this.#fresh();
    let next = zooming.clampView(view, seen);
    this.#whole = zooming.showsAll(next, seen);
    const length = zooming.lengthOf(next);
    const atNow = seen.nowMs - next.toMs < length / 50;
    if (atNow && seen.live) next = { fromMs: seen.nowMs - length, toMs: seen.nowMs };
    this.follows = seen.live ? atNow : zooming.isIn(next, seen.shownMs);
    this.#show(next, true);
  }

  /**
   * Zooms in or out.
   *
   * @param factor above 1 zooms in
   * @param aboutMs the time that keeps its place, unix milliseconds; by default now, the playhead or the
   *   middle
   */
  zoom(factor: number, aboutMs?: number): void {
    const seen = this.#fresh();
    const centre = zooming.zoomCentre(this.view, seen);
    // Near the end of a live bar, zooms about the end.
    const magnet =
      centre === this.view.toMs && aboutMs !== undefined && this.view.toMs - aboutMs < zooming.lengthOf(this.view) / 12;
    this.setView(zooming.zoomAbout(this.view, factor, magnet ? centre : (aboutMs ?? centre), seen));
  }

  /** Moves the view; negative is into the past. @param byMs milliseconds */
  pan(byMs: number): void {
    this.setView(zooming.panBy(this.view, byMs, this.#fresh()));
  }

  /** Shows a fixed length: ten minutes, two hours, a day, or everything kept. */
  show(zoom: zooming.Zoom): void {
    this.setView(zooming.zoomTo(zoom, this.view, this.#fresh()));
  }

  /** Shows a range with some margin on both sides. Unix milliseconds. */
  fit(fromMs: number, toMs: number): void {
    const room = (toMs - fromMs) / 8;
    this.setView({ fromMs: fromMs - room, toMs: toMs + room });
  }

  /** Brings the playhead back into view, and keeps it there. */
  follow(): void {
    this.follows = true;
    this.#whole = false;
    this.#show(zooming.followView(this.view, this.#fresh(), true), true);
  }

  /** Requests everything shown again: a marker or a protected span changed. */
  async refresh(): Promise<void> {
    this.recorded.forget();
    await this.#cover();
  }

  /** The next point, as far as is known; undefined if it must be searched with `findPoint`. */
  knownPoint(query: PointQuery): Point | null | undefined {
    return this.recorded.knownPoint(this.view, query);
  }

  /** Searches the next point, one search at a time. @returns null if there is none. @throws ApiError */
  findPoint(query: PointQuery): Promise<Point | null> {
    return this.recorded.findPoint(this.view, query);
  }

  #fresh(): zooming.ZoomInput {
    return { ...this.#seen, nowMs: Math.max(this.#seen.nowMs, this.#now()) };
  }

  #show(view: View, always = false): void {
    const { fromMs, toMs } = this.view;
    const unseen = (view.toMs - view.fromMs) * UNSEEN;
    if (!always && Math.abs(view.fromMs - fromMs) < unseen && Math.abs(view.toMs - toMs) < unseen) return;
    const moved = Math.abs(view.fromMs - fromMs) > 2_000 || Math.abs(view.toMs - toMs) > 2_000;
    this.view = view;
    if (moved) this.#viewMoved();
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
      await this.recorded.cover(this.view, this.#seen.firstMs ?? 0);
      this.failure = null;
      this.#take();
    } catch (error) {
      if (this.#ends.signal.aborted) return;
      const failure = failureOf(error);
      // The page itself says that oxbow does not respond, once.
      if (!isLost(failure)) this.failure = failure;
    }
  }

  #take(): void {
    const { past, markers, pins } = this.recorded.tileFor(this.view);
    if (past !== this.past) this.past = past;
    if (markers !== this.markers) this.markers = markers;
    if (pins !== this.pins) this.pins = pins;
  }
}
