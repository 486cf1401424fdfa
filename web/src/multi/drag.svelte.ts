/**
 * Dragging a tile onto another one, with a mouse, a pen or a finger.
 * In: pointer events of the tiles. Out: which tile is dragged, over which place, and the swap. A finger drags
 * after a long press, so that a quick movement still scrolls the page.
 */

/** A pointer that has moved this far drags, CSS pixels. */
const FAR_PX = 6;
/** A finger that rests this long drags, ms. */
const LONG_PRESS_MS = 350;

/** The drag of a page; at most one at a time. */
export class TileDrag {
  /** Place of the tile that is dragged; null: none. */
  from = $state<number | null>(null);
  /** Place under the pointer; null: none, or its own. */
  over = $state<number | null>(null);
  /** From the start of the drag to the pointer, CSS pixels. */
  x = $state(0);
  y = $state(0);
  /** Until the press has ended: its click does nothing else. */
  #hasDragged = false;
  readonly #swap: (from: number, to: number) => void;
  #ends = new AbortController();

  /** @param swap called at the end of a drag onto another tile */
  constructor(swap: (from: number, to: number) => void) {
    this.#swap = swap;
  }

  /** A press on the tile of a place begins. */
  press(event: PointerEvent, place: number): void {
    if (event.button !== 0 || !event.isPrimary) return;
    this.cancel();
    this.#hasDragged = false;
    const ends = new AbortController();
    this.#ends = ends;
    const { signal } = ends;
    const { pointerId, clientX, clientY } = event;
    const isFinger = event.pointerType === 'touch';
    const begin = () => {
      this.from = place;
      this.#hasDragged = true;
    };
    const timer = isFinger ? setTimeout(begin, LONG_PRESS_MS) : undefined;
    signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
    const moved = (at: PointerEvent) => {
      if (at.pointerId !== pointerId) return;
      const [x, y] = [at.clientX - clientX, at.clientY - clientY];
      const isFar = Math.hypot(x, y) > FAR_PX;
      if (this.from === null && isFar && isFinger) return this.cancel(); // the page scrolls
      if (this.from === null && isFar) begin();
      if (this.from === null) return;
      [this.x, this.y] = [x, y];
      this.over = placeAt(at.clientX, at.clientY, place);
    };
    const released = (at: PointerEvent) => {
      if (at.pointerId !== pointerId) return;
      const { from, over } = this;
      this.cancel();
      if (from !== null && over !== null) this.#swap(from, over);
    };
    addEventListener('pointermove', moved, { signal });
    addEventListener('pointerup', released, { signal });
    addEventListener('pointercancel', () => this.cancel(), { signal });
    addEventListener('blur', () => this.cancel(), { signal });
    addEventListener('keydown', ({ key }) => key === 'Escape' && this.cancel(), { signal });
  }

  /** For `touchmove` events of the tiles, not passive: a finger that drags does not scroll the page. */
  holdPage = (event: TouchEvent): void => {
    if (this.from !== null && event.cancelable) event.preventDefault();
  };

  /** Whether the click after a press belongs to a drag. */
  get isClickSpent(): boolean {
    return this.#hasDragged;
  }

  /** Ends the drag without a swap. */
  cancel(): void {
    this.#ends.abort();
    this.from = null;
    this.over = null;
    this.x = 0;
    this.y = 0;
  }
}

function placeAt(x: number, y: number, ownPlace: number): number | null {
  const places = document.elementsFromPoint(x, y).map((element) => element.closest<HTMLElement>('[data-place]'));
  const place = Number(
    places.find((element) => element && element.dataset.place !== String(ownPlace))?.dataset.place ?? -1,
  );
  return place >= 0 ? place : null;
}
