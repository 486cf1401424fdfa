/**
 * Converts times between timescales.
 * In: ticks. Out: ticks. Pure.
 */

/**
 * Ticks in another timescale, rounded; exact for large numbers, because no intermediate value exceeds 2^53.
 *
 * @param ticks of `from` per second, may be negative
 * @param to ticks per second of the result
 */
export function rescale(ticks: number, from: number, to: number): number {
  if (from === to) return ticks;
  const seconds = Math.floor(ticks / from);
  return seconds * to + Math.round(((ticks - seconds * from) * to) / from);
}
