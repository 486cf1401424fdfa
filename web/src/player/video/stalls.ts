/**
 * When a picture that waits is a stall, and when its list is lost.
 * In: the element's events, a clock. Out: verdicts. No other effects.
 */

/** Waiting this long is a stall; for the longer time, a loss; milliseconds. */
const STALL_MS = 300;
const LOST_MS = 10_000;
/** After a switch, a seek or a stall, waiting is no further stall, milliseconds. */
const SETTLING_MS = 1_500;

/** The stalls of one player. Times are of a monotonic clock, milliseconds. */
export class Stalls {
  #waitingAt: number | null = null;
  #settledAt = 0;
  #reported = false;
  #count = 0;
  /** Of stalls that are over. */
  #stalledMs = 0;

  /** Since the page was opened. */
  get count(): number {
    return this.#count;
  }

  /** Duration of all of them, milliseconds. @param at now */
  stalledMs(at: number): number {
    return this.#stalledMs + (this.#reported && this.#waitingAt !== null ? at - this.#waitingAt : 0);
  }

  /** The picture waits for media. */
  get waiting(): boolean {
    return this.#waitingAt !== null;
  }

  /** The picture waits from now on. */
  waits(at: number): void {
    this.#waitingAt ??= at;
  }

  /** A frame is shown. */
  flows(at: number): void {
    this.#end(at);
    if (this.#reported) this.#settledAt = at; // it may run dry again at once, which is the same stall
    this.#reported = false;
  }

  /** Waiting is expected: after a seek, a switch, a pause. */
  begins(at: number): void {
    this.#end(at);
    this.#settledAt = at;
  }

  #end(at: number): void {
    this.#stalledMs = this.stalledMs(at);
    this.#waitingAt = null;
  }

  /** The stream has ended: the current waiting is not a stall. Returns whether it was counted as one. */
  undo(): boolean {
    if (!this.#reported) return false;
    this.#reported = false;
    this.#count -= 1;
    return true;
  }

  /** Waiting that begins now is expected, or continues the last stall. */
  isSettling(at: number): boolean {
    return at - this.#settledAt < SETTLING_MS;
  }

  /** It has waited for longer than a moment. */
  hasWaited(at: number): boolean {
    return this.#waitingAt !== null && at - this.#waitingAt >= STALL_MS;
  }

  /**
   * What the waiting means: `stall` once for each, `still` while it lasts, `lost` after ten seconds.
   *
   * @param counts false: the picture is hidden, so waiting is not a stall
   */
  look(at: number, counts: boolean): 'fine' | 'stall' | 'still' | 'lost' {
    if (this.#waitingAt === null) return 'fine';
    if (at - this.#waitingAt > LOST_MS) return 'lost';
    if (this.#reported) return 'still';
    if (!counts || this.isSettling(this.#waitingAt) || !this.hasWaited(at)) return 'fine';
    this.#reported = true;
    this.#count += 1;
    return 'stall';
  }
}
