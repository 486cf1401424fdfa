/**
 * How long the player of this page takes from a request to its first frame, so that requests are made that
 * much earlier.
 * In: what requests took. Out: what the next one will take.
 */

/** A guess before anything is known, and the most that is believed, ms. */
const costs = { seek: { guess: 80, most: 1_500 }, load: { guess: 300, most: 4_000 }, play: { guess: 40, most: 300 } };

/** A request to the player. */
export type Cost = keyof typeof costs;

/** What requests take on one page. */
export class RequestCosts {
  /** Of the last three of each, ms. */
  readonly #known: Record<Cost, number[]> = { seek: [], load: [], play: [] };

  /** The median of the last three, so that one that was delayed by something else does not count, ms. */
  ms(cost: Cost): number {
    const { guess, most } = costs[cost];
    const [low = guess, middle = guess, high = guess] = this.#known[cost];
    const median = Math.max(Math.min(low, middle), Math.min(Math.max(low, middle), high));
    return Math.min(most, Math.max(0, median));
  }

  /** One took this long, ms. */
  learn(cost: Cost, tookMs: number): void {
    const known = this.#known[cost];
    known.push(tookMs);
    if (known.length > 3) known.shift();
  }
}
