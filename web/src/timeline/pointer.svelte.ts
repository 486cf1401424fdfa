/**
 * Pointers and wheel on the bar. One pointer scrubs on the track and pans on the ruler, two pinch, the wheel
 * zooms and pans. The view changes once per frame.
 * In: events of the bar. Out: the view of the bar, times to seek to, the position of the pointer.
 */
import { type Fingers, pinchView, TAP_PX, wheelMove } from './gestures.ts';
import type { Scrub } from './state.svelte.ts';
import { momentAt, type View } from './view.ts';
import type { Viewport } from './viewport.svelte.ts';
import { lengthOf, NEAREST_MS, showsAll, type ZoomInput } from './zoom.ts';

/** What pointers act on; read with each event. */
interface PointerTarget {
  /** The element whose width is the view. */
  axis(): HTMLElement;
  viewport(): Viewport;
  seen(): ZoomInput;
  /** The wheel zooms without Ctrl; false for a player on another site's page, which scrolls. */
  wheels(): boolean;
  /** A scrub continues, ends by a release (before `goTo`), or is given up (null). */
  scrub(scrub: Scrub | null): void;
  /** A tap or the end of a scrub. @param atMs unix milliseconds */
  goTo(atMs: number): void;
}

type Drag =
  | { readonly kind: 'scrub'; readonly startX: number; moved: boolean }
  | { readonly kind: 'pan'; readonly startX: number; readonly start: View; moved: boolean }
  | { readonly kind: 'pinch'; readonly start: View; readonly before: Fingers }
  /** After a pinch the remaining finger does nothing. */
  | { readonly kind: 'over' };

/**
 * A page that is scrolling continues to scroll over the bar, until this long after the last turn of the
 * wheel. Milliseconds.
 */
const SCROLLING_MS = 250;

const isOn = (event: Event, selector: string) => (event.target as Element).closest(selector) !== null;
const clamp01 = (share: number) => Math.min(1, Math.max(0, share));

/** The pointers of one bar. */
export class Pointer {
  /** Position of the pointer on the track, 0 to 1; null when it is elsewhere. */
  share = $state<number | null>(null);
  /** It is a finger, which hides what is below it. */
  finger = $state(false);
  readonly #on: PointerTarget;
  readonly #fingers = new Map<number, number>();
  #drag: Drag | null = null;
  #frame = 0;
  #view: View | null = null;
  #wheel = { factor: 1, aboutMs: 0, panMs: 0 };
  #pageScrolledAt = Number.NEGATIVE_INFINITY;

  constructor(on: PointerTarget) {
    this.#on = on;
  }

  /** The time at a point of the window, unix milliseconds. */
  momentOf(clientX: number): number {
    return momentAt(this.#on.viewport().view, this.#shareOf(clientX));
  }

  /** A pointer is down at a time of the bar. */
  get isScrubbing(): boolean {
    return this.#drag?.kind === 'scrub';
  }

  /** A button of the mouse or a finger goes down on the bar. */
  down = (event: PointerEvent): void => {
    if (event.button !== 0 || isOn(event, 'button')) return;
    const { view } = this.#on.viewport();
    this.#on.axis().setPointerCapture(event.pointerId);
    this.#fingers.set(event.pointerId, this.#shareOf(event.clientX));
    this.finger = event.pointerType === 'touch';
    if (this.#fingers.size > 1) {
      if (this.#drag?.kind === 'scrub') this.#on.scrub(null);
      this.#drag = this.#fingers.size === 2 ? { kind: 'pinch', start: view, before: this.#two() } : { kind: 'over' };
      this.share = null;
    } else if (isOn(event, '.ruler')) {
      this.#drag = { kind: 'pan', startX: event.clientX, start: view, moved: false };
    } else {
      this.#drag = { kind: 'scrub', startX: event.clientX, moved: false };
      this.share = clamp01(this.#shareOf(event.clientX));
    }
  };

  /** A pointer moves over the bar, or a drag leaves it. */
  move = (event: PointerEvent): void => {
    const share = this.#shareOf(event.clientX);
    if (!this.#fingers.has(event.pointerId)) {
      this.finger = false;
      this.share = event.pointerType !== 'touch' && !isOn(event, '.ruler, button') ? clamp01(share) : null;
      return;
    }
    this.#fingers.set(event.pointerId, share);
    const drag = this.#drag;
    if (drag?.kind === 'scrub') {
      this.share = clamp01(share);
      drag.moved ||= Math.abs(event.clientX - drag.startX) > TAP_PX;
      if (drag.moved) this.#on.scrub({ atMs: momentAt(this.#on.viewport().view, share), held: true });
    }
    if (drag?.kind === 'pan') {
      const px = event.clientX - drag.startX;
      drag.moved ||= Math.abs(px) > TAP_PX;
      const byMs = (px / this.#width()) * lengthOf(drag.start);
      if (drag.moved) this.#view = { fromMs: drag.start.fromMs - byMs, toMs: drag.start.toMs - byMs };
    }
    if (drag?.kind === 'pinch') this.#view = pinchView(drag.start, drag.before, this.#two());
    if (this.#view) this.#soon();
  };

  /** A pointer goes up. */
  up = (event: PointerEvent): void => {
    if (!this.#fingers.delete(event.pointerId)) return;
    const drag = this.#drag;
    const isTap = drag?.kind === 'scrub' || (drag?.kind === 'pan' && !drag.moved);
    const atMs = momentAt(this.#on.viewport().view, this.#shareOf(event.clientX));
    if (drag?.kind === 'scrub' && drag.moved) this.#on.scrub({ atMs, held: false });
    if (isTap) this.#on.goTo(atMs);
    if (event.pointerType !== 'mouse' || drag?.kind !== 'scrub') this.share = null;
    this.#drag = this.#fingers.size > 0 ? { kind: 'over' } : null;
  };

  /** The mouse leaves the bar. */
  leave = (): void => {
    if (!this.#drag) this.share = null;
  };

  /**
   * The browser cancels the pointer, or the viewer presses Escape: the scrub ends without a seek. Returns
   * whether there was one.
   */
  giveUp = (): boolean => {
    const dragged = this.#drag !== null;
    if (this.#drag?.kind === 'scrub') this.#on.scrub(null);
    this.#fingers.clear();
    this.#drag = null;
    this.share = null;
    return dragged;
  };

  /** Any turn of the wheel on the page; not passive. If the bar cannot zoom further, the page scrolls. */
  wheel = (event: WheelEvent): void => {
    const isHere = event.composedPath().includes(this.#on.axis()); // in a shadow tree the target is its host
    const isScrolling = event.timeStamp - this.#pageScrolledAt < SCROLLING_MS;
    if (!isHere || ((isScrolling || !this.#on.wheels()) && !event.ctrlKey)) {
      this.#pageScrolledAt = event.timeStamp;
      return;
    }
    const { view } = this.#on.viewport();
    const move = wheelMove(event);
    if (move.kind === 'zoom') {
      const isStuck = move.factor < 1 ? showsAll(view, this.#on.seen()) : lengthOf(view) <= NEAREST_MS * 1.001;
      if (isStuck && !event.ctrlKey) return;
      this.#wheel.factor *= move.factor;
    } else {
      this.#wheel.panMs += (move.px / this.#width()) * lengthOf(view);
    }
    event.preventDefault();
    this.#wheel.aboutMs = this.momentOf(event.clientX);
    this.#soon();
  };

  /** Ends all gestures. */
  close(): void {
    cancelAnimationFrame(this.#frame);
  }

  #two(): Fingers {
    const [first = 0, second = 0] = this.#fingers.values();
    return [first, second];
  }

  #width(): number {
    return Math.max(1, this.#on.axis().clientWidth);
  }

  #shareOf(clientX: number): number {
    return (clientX - this.#on.axis().getBoundingClientRect().left) / this.#width();
  }

  #soon(): void {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      const viewport = this.#on.viewport();
      const { factor, aboutMs, panMs } = this.#wheel;
      if (this.#view) viewport.set(this.#view);
      if (factor !== 1) viewport.zoom(factor, aboutMs);
      if (panMs !== 0) viewport.pan(panMs);
      this.#view = null;
      this.#wheel = { factor: 1, aboutMs: 0, panMs: 0 };
    });
  }
}
