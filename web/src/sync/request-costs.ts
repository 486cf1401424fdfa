/**
 * How long the player of this page takes from a request to its first frame, so that requests are made that
 * much earlier.
 * In: the time that requests took. Out: what the next one will take. Pure.
 */

/** A guess before any measurement, and the most that is believed, ms. */
const costs = { seek: { guess: 80, most: 1_500 }, load: { guess: 300, most: 4_000 }, play: { guess: 40, most: 300 } };

/** A request to the player. */
export type Cost = keyof typeof costs;

/** The time that the last three requests of each kind took on one page, oldest first, ms. */
export type RequestCosts = Readonly<Record<Cost, readonly number[]>>;

/** Nothing was measured. */
export const noCosts: RequestCosts = { seek: [], load: [], play: [] };

/** The median of the last three, so that one that was delayed by something else does not count, ms. */
export function costMs(measured: RequestCosts, cost: Cost): number {
  const { guess, most } = costs[cost];
  const [low = guess, middle = guess, high = guess] = measured[cost];
  const median = Math.max(Math.min(low, middle), Math.min(Math.max(low, middle), high));
  return Math.min(most, Math.max(0, median));
}

/** The costs after a request that took this long, ms. */
export function withCost(measured: RequestCosts, cost: Cost, tookMs: number): RequestCosts {
  return { ...measured, [cost]: [...measured[cost], tookMs].slice(-3) };
}
