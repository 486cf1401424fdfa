/**
 * The span that plays over and over.
 * In: a span, the time of the picture. Out: whether it is time to go back to its start. Pure but for its memory.
 */
import type { Snapshot } from './snapshot.ts';

/** Nothing shorter is looped, milliseconds. */
const SHORTEST_MS = 100;

/** At most one span. Times are unix milliseconds. */
export class Loop {
  #span: Snapshot['loop'] = null;

  get span(): Snapshot['loop'] {
    return this.#span;
  }

  /** @param span null ends it; so does one that is too short */
  set(span: Snapshot['loop']): void {
    this.#span = span && span.toMs - span.fromMs >= SHORTEST_MS ? span : null;
  }

  /** The viewer goes to a moment; null for live: outside of the span, that ends it. */
  leave(atMs: number | null): void {
    if (atMs === null || !this.holds(atMs)) this.#span = null;
  }

  /** Whether a moment lies in the span. */
  holds(atMs: number | null): boolean {
    return this.#span !== null && atMs !== null && atMs >= this.#span.fromMs && atMs < this.#span.toMs;
  }

  /**
   * Where to go, once the last frame of the span is shown; null while that is not so.
   *
   * @param frameS from one frame to the next, seconds
   */
  turn(shownMs: number | null, frameS: number): number | null {
    if (!this.#span || shownMs === null || shownMs < this.#span.toMs - frameS * 500) return null;
    return this.#span.fromMs;
  }
}
