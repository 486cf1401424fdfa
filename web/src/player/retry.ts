/**
 * When to try again what was lost: after 1, 2, 4, 8 and then each 15 seconds.
 * In: losses, a clock. Out: whether it is time. Pure but for its memory.
 */

const FIRST_MS = 1_000;
const LONGEST_MS = 15_000;

/** The turns of one thing that is tried again until it works. */
export class Retry {
  #waitMs = 0;
  #dueMs: number | null = null;

  /** Something is to be tried again. */
  get pending(): boolean {
    return this.#dueMs !== null;
  }

  /** How often it failed in a row. */
  turns = 0;

  /**
   * It was lost, or trying again has failed.
   *
   * @param at any clock that runs on, milliseconds
   * @param soon the first try is made at once
   */
  lost(at: number, { soon = false } = {}): void {
    this.#waitMs = this.turns === 0 && soon ? 0 : Math.min(LONGEST_MS, Math.max(FIRST_MS, this.#waitMs * 2));
    this.#dueMs = at + this.#waitMs;
    this.turns += 1;
  }

  /** It works again, or nobody wants it any more. */
  done(): void {
    this.#waitMs = 0;
    this.#dueMs = null;
    this.turns = 0;
  }

  /** Whether it is time to try; true once for each loss. */
  due(at: number): boolean {
    if (this.#dueMs === null || at < this.#dueMs) return false;
    this.#dueMs = null;
    return true;
  }
}
