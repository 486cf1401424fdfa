/**
 * The timeline of one page: what the bar shows of the past, what is recorded there, what is marked. It asks the server by itself.
 * In: the stream's name, what the player shows. Out: the bar, the player (`recorded`), whoever marks and clips.
 */
import { type Failure, failureOf, getTimeline } from '../api/client.ts';
import { pause, poll } from '../api/poll.ts';
import type { Past } from './past.ts';
import { type AskTimeline, Recorded } from './recorded.ts';
import type { Marker, Pin } from './tiles.ts';
import type { View } from './view.ts';
import * as zooming from './zoom.ts';

/** The growing end is asked for so often, milliseconds. */
const GROWS_MS = 5_000;
/** A view that still moves asks nothing; it asks so long after it has stopped, milliseconds. */
const SETTLES_MS = 120;
/** The picture jumped when it moved further than this, and than it can have played meanwhile. Milliseconds. */
const JUMP_MS = 4_000;
/** What a view that follows now may lag behind, as a share of its length: less than a pixel. */
const UNSEEN = 1 / 4000;

/** The state of a timeline bar; `close` when the page is left. */
export class TimelineState {
  /** What is recorded around the view. */
  past = $state.raw<Past>({ fromMs: 0, toMs: 0, stretches: [] });
  /** What the bar shows, [fromMs, toMs), unix milliseconds. */
  view = $state.raw<View>({ fromMs: 0, toMs: 1 });
  /** In order of time. */
  markers = $state.raw<readonly Marker[]>([]);
  pins = $state.raw<readonly Pin[]>([]);
  /** Why the last question was not answered. */
  failure = $state.raw<Failure | null>(null);
  /** The bar keeps the picture in view; false once the viewer moved the bar away from it. */
  follows = $state(true);
  /** What the player asks where to play. */
  readonly recorded: Recorded;

  readonly #ends = new AbortController();
  readonly #now: () => number;
  #seen: zooming.ZoomInput;
  #touched = false;
  /** The picture was live since the page was opened. */
  #wasLive = false;
  #whole = false;
  #settling = new AbortController();

  /**
   * @param stream its name
   * @param now the server's time, unix milliseconds
   * @param ask tests put their own in
   */
  constructor(stream: string, now: () => number, ask?: AskTimeline) {
    this.#now = now;
    this.#seen = { nowMs: now(), firstMs: null, shownMs: null, live: true };
    this.view = zooming.firstView(this.#seen);
    this.recorded = new Recorded(
      ask ?? ((fromMs, toMs, signal, resS) => getTimeline(stream, fromMs, toMs, signal, resS)),
      now,
      this.#ends.signal,
    );
  }

  /** Asks for what is shown, now and as it grows, until `close`. */
  async start(): Promise<void> {
    await poll(GROWS_MS, async () => (document.hidden ? undefined : this.#cover()), { signal: this.#ends.signal });
  }

  /** The page is left: nothing is asked any more. */
  close(): void {
    this.#ends.abort();
    this.#settling.abort();
  }

  /** Tells what the player shows; the bar calls it after each change. */
  look(seen: zooming.ZoomInput): void {
    const before = this.#seen;
    this.#seen = seen;
    const played = 2 * Math.abs(seen.nowMs - before.nowMs);
    const wasShown = before.shownMs !== null && seen.shownMs !== null;
    const moved = wasShown ? Math.abs(seen.shownMs! - before.shownMs!) : 0;
    // Whoever moved the bar before the first picture came keeps what he looks at.
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

  /** Shows another stretch, as near as that is allowed. @param view unix milliseconds */
  setView(view: View): void {
    this.#touched = true;
    const seen = this.#fresh();
    let next = zooming.clampView(view, seen);
    this.#whole = zooming.offeredZooms(seen).length > 1 && zooming.showsAll(next, seen);
    const length = zooming.lengthOf(next);
    const atNow = seen.nowMs - next.toMs < length / 50;
    if (atNow && seen.live) next = { fromMs: seen.nowMs - length, toMs: seen.nowMs };
    this.follows = seen.live ? atNow : zooming.isIn(next, seen.shownMs);
    this.#show(next, true);
  }

  /**
   * Shows less, or more.
   *
   * @param factor above 1 shows less
   * @param aboutMs what keeps its place, unix milliseconds; left out: now, the picture, or the middle, as fits
   */
  zoom(factor: number, aboutMs?: number): void {
    const seen = this.#fresh();
    const centre = zooming.zoomCentre(this.view, seen);
    // Near the end of a live bar, the end is meant.
    const magnet =
      centre === this.view.toMs && aboutMs !== undefined && this.view.toMs - aboutMs < zooming.lengthOf(this.view) / 12;
    this.setView(zooming.zoomAbout(this.view, factor, magnet ? centre : (aboutMs ?? centre), seen));
  }

  /** Moves what is shown; negative is into the past. @param byMs milliseconds */
  pan(byMs: number): void {
    this.setView(zooming.panBy(this.view, byMs, this.#fresh()));
  }

  /** Shows so much: ten minutes, two hours, a day, all that is kept. */
  show(zoom: zooming.Zoom): void {
    this.setView(zooming.zoomTo(zoom, this.view, this.#fresh()));
  }

  /** Shows a stretch with some room on either side. Unix milliseconds. */
  fit(fromMs: number, toMs: number): void {
    const room = (toMs - fromMs) / 8;
    this.setView({ fromMs: fromMs - room, toMs: toMs + room });
  }

  /** Brings the picture back into view, and keeps it there. */
  follow(): void {
    this.follows = true;
    this.#whole = false;
    this.#show(zooming.followView(this.view, this.#fresh(), true), true);
  }

  /** Asks anew for all that is shown: a marker or a pin was set. */
  async refresh(): Promise<void> {
    this.recorded.forget();
    await this.#cover();
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
    this.#take(); // what is known already, at once
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
      if (!this.#ends.signal.aborted) this.failure = failureOf(error);
    }
  }

  #take(): void {
    const { past, markers, pins } = this.recorded.tileFor(this.view);
    if (past !== this.past) this.past = past;
    if (markers !== this.markers) this.markers = markers;
    if (pins !== this.pins) this.pins = pins;
  }
}
