/**
 * When a picture that stands still is a stall, and when it is lost.
 * In: the element's events, a clock. Out: verdicts. Pure but for its memory.
 */

/** The picture stands still so long before that is a stall; before it is taken for a loss; milliseconds. */
const STALL_MS = 300;
const LOST_MS = 10_000;
/** After a switch, a seek or a stall, waiting is no stall of its own, milliseconds. */
const SETTLING_MS = 1_500;

/** The stalls of one player. Times are of any clock that runs on, milliseconds. */
export class Stalls {
  #waitingAt: number | null = null;
  #settledAt = 0;
  #told = false;
  #count = 0;

  /** Since the page was opened. */
  get count(): number {
    return this.#count;
  }

  /** The picture waits for media. */
  get waiting(): boolean {
    return this.#waitingAt !== null;
  }

  /** Nothing is left to show. */
  waits(at: number): void {
    this.#waitingAt ??= at;
  }

  /** A frame is shown. */
  flows(at: number): void {
    this.#waitingAt = null;
    if (this.#told) this.#settledAt = at; // it may run dry again at once: that is the same stall
    this.#told = false;
  }

  /** Something was begun that makes the picture wait: a seek, a switch, playing after a pause. */
  begins(at: number): void {
    this.#waitingAt = null;
    this.#settledAt = at;
  }

  /** The stream itself has ended: what waits just now waits for that, and was no stall. Tells whether it was counted as one. */
  takeBack(): boolean {
    if (!this.#told) return false;
    this.#told = false;
    this.#count -= 1;
    return true;
  }

  /** It waits for longer than a moment. */
  stands(at: number): boolean {
    return this.#waitingAt !== null && at - this.#waitingAt >= STALL_MS;
  }

  /**
   * What the waiting means by now: `stall` once for each, and `still` while that goes on; `lost` as long as it lasts.
   *
   * @param counts false: nobody sees it, so it is no stall
   */
  look(at: number, counts: boolean): 'fine' | 'stall' | 'still' | 'lost' {
    if (this.#waitingAt === null) return 'fine';
    if (at - this.#waitingAt > LOST_MS) return 'lost';
    if (this.#told) return 'still';
    const settling = this.#waitingAt - this.#settledAt < SETTLING_MS;
    if (!counts || settling || !this.stands(at)) return 'fine';
    this.#told = true;
    this.#count += 1;
    return 'stall';
  }
}
