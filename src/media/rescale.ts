/**
 * Times of one timescale in another.
 * In: ticks. Out: ticks. Pure.
 */

/**
 * Ticks of another timescale, to the nearest; exact for large numbers, as it does not pass 2^53 on the way.
 *
 * @param ticks of `from` per second, may be negative
 * @param to ticks per second of the result
 */
export function rescale(ticks: number, from: number, to: number): number {
  if (from === to) return ticks;
  const seconds = Math.floor(ticks / from);
  return seconds * to + Math.round(((ticks - seconds * from) * to) / from);
}
