/**
 * Remembers which numbers of a counter were used, so that none is taken twice: the newest 262,144, in 32 KiB.
 * Older ones count as used.
 * In: numbers, in almost any order. Out: whether each is new. Pure. RFC 6479.
 */

const WORD_BITS = 32;
const WORDS = 8192;
/** Numbers that may arrive behind the highest one. One word is free for later numbers. */
export const WINDOW_NUMBERS = (WORDS - 1) * WORD_BITS;

/** The numbers that one sender has used. */
export class NumberWindow {
  readonly #words = new Uint32Array(WORDS);
  #highest = 0;

  /**
   * Takes a number.
   *
   * @param number from 1 to 2^53 - 1
   * @returns false if it was taken before, or is too old to know
   */
  take(number: number): boolean {
    if (number + WINDOW_NUMBERS <= this.#highest) return false;
    const word = Math.floor(number / WORD_BITS);
    if (number > this.#highest) {
      const from = Math.floor(this.#highest / WORD_BITS);
      const steps = Math.min(word - from, WORDS);
      for (let step = 1; step <= steps; step++) this.#words[(from + step) % WORDS] = 0;
      // After a leap beyond the window every word is free.
      this.#highest = number;
    }
    const at = word % WORDS;
    const bit = 1 << (number % WORD_BITS);
    if ((this.#words[at]! & bit) !== 0) return false;
    this.#words[at]! |= bit;
    return true;
  }
}
