/**
 * The shown range of a bar: the viewer zooms and pans it, otherwise it follows the playhead.
 * In: what the player shows, gestures, keys and buttons of the bar. Out: the view; a call after each larger
 * move. Times are unix milliseconds.
 */
import type { View } from './view.ts';
import * as zooming from './zoom.ts';

/** A larger move of the playhead, beyond what it can have played, is a jump. Milliseconds. */
const JUMP_MS = 4_000;
/** A view that follows now may lag by this fraction of its length: less than a pixel. */
const UNSEEN = 1 / 4000;
/** After a smaller move the known past still fills the view, milliseconds. */
const MOVED_MS = 2_000;

/** The view of one bar. */
export class Viewport {
  view = $state.raw<View>({ fromMs: 0, toMs: 1 });
  readonly #now: () => number;
  readonly #onMove: () => void;
  #seen: zooming.ZoomInput;
  /** The bar keeps the playhead in view; false once the viewer has moved the bar away. */
  #follows = true;
  #touched = false;
  /** The picture has been live since the page was opened. */
  #wasLive = false;
  #whole = false;

  /**
   * @param now the server's time, unix milliseconds
   * @param onMove called after a move of more than two seconds
   */
  constructor(now: () => number, onMove: () => void) {
    this.#now = now;
    this.#onMove = onMove;
    this.#seen = { nowMs: now(), firstMs: null, shownMs: null, live: true };
    this.view = zooming.firstView(this.#seen);
  }

  /** The oldest kept time; null if nothing is recorded, or before the first `look`. */
  get firstMs(): number | null {
    return this.#seen.firstMs;
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
    if (moved > JUMP_MS + played || isBack) this.#follows = true;
    this.#wasLive ||= seen.live;
    if (before.firstMs === null && seen.firstMs !== null && !this.#touched) {
      const first = zooming.firstView(seen);
      this.#whole = zooming.zoomOf(first, seen) === 'all';
      this.#show(first);
    } else if (this.#whole) this.#show(zooming.fullView(seen));
    else this.#show(zooming.followView(this.view, seen, this.#follows));
  }

  /** Shows another range, clamped. */
  set(view: View): void {
    this.#touched = true;
    const seen = this.#fresh();
    let next = zooming.clampView(view, seen);
    this.#whole = zooming.showsAll(next, seen);
    const length = zooming.lengthOf(next);
    const atNow = seen.nowMs - next.toMs < length / 50;
    if (atNow && seen.live) next = { fromMs: seen.nowMs - length, toMs: seen.nowMs };
    this.#follows = seen.live ? atNow : zooming.isIn(next, seen.shownMs);
    this.#show(next, true);
  }

  /**
   * Zooms in or out.
   *
   * @param factor above 1 zooms in
   * @param aboutMs the time that keeps its place; by default now, the playhead or the middle
   */
  zoom(factor: number, aboutMs?: number): void {
    const seen = this.#fresh();
    const centre = zooming.zoomCentre(this.view, seen);
    // Near the end of a live bar, zooms about the end.
    const magnet =
      centre === this.view.toMs && aboutMs !== undefined && this.view.toMs - aboutMs < zooming.lengthOf(this.view) / 12;
    this.set(zooming.zoomAbout(this.view, factor, magnet ? centre : (aboutMs ?? centre), seen));
  }

  /** Moves the view; negative is into the past. @param byMs milliseconds */
  pan(byMs: number): void {
    this.set(zooming.panBy(this.view, byMs, this.#fresh()));
  }

  /** Shows a fixed length: ten minutes, two hours, a day, or everything kept. */
  show(zoom: zooming.Zoom): void {
    this.set(zooming.zoomTo(zoom, this.view, this.#fresh()));
  }

  /** Shows a range with some margin on both sides. */
  fit(fromMs: number, toMs: number): void {
    const room = (toMs - fromMs) / 8;
    this.set({ fromMs: fromMs - room, toMs: toMs + room });
  }

  /** Brings the playhead back into view, and keeps it there. */
  follow(): void {
    this.#follows = true;
    this.#whole = false;
    this.#show(zooming.followView(this.view, this.#fresh(), true), true);
  }

  #fresh(): zooming.ZoomInput {
    return { ...this.#seen, nowMs: Math.max(this.#seen.nowMs, this.#now()) };
  }

  #show(view: View, always = false): void {
    const { fromMs, toMs } = this.view;
    const unseen = (view.toMs - view.fromMs) * UNSEEN;
    if (!always && Math.abs(view.fromMs - fromMs) < unseen && Math.abs(view.toMs - toMs) < unseen) return;
    const moved = Math.abs(view.fromMs - fromMs) > MOVED_MS || Math.abs(view.toMs - toMs) > MOVED_MS;
    this.view = view;
    if (moved) this.#onMove();
  }
}
