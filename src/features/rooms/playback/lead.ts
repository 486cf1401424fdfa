/**
 * How far ahead a change takes effect, so that it has reached every player by then.
 * In: round trips that members report. Out: a duration. Pure.
 */

const LEAST_MS = 100;
const MOST_MS = 500;

/**
 * Twice the round trip that nine of ten members have, within 100 and 500 ms.
 *
 * @param roundTripsMs one of each member; empty: not measured yet
 * @returns ms
 */
export function leadOf(roundTripsMs: readonly number[]): number {
  if (roundTripsMs.length === 0) return LEAST_MS;
  const sorted = [...roundTripsMs].sort((a, b) => a - b);
  const p90 = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.9))]!;
  return Math.min(MOST_MS, Math.max(LEAST_MS, 2 * p90));
}
