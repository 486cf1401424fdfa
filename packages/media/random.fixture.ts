/**
 * Reproducible random numbers for tests and `npm run fuzz`.
 * In: a seed. Out: whole numbers. Pure. Mulberry32.
 */

/**
 * Creates a generator; the same seed gives the same numbers.
 *
 * @param seed any whole number; 32 bits of it count
 * @returns gives a whole number, 0 or more and below its argument, which is 1 to 2^32
 */
export function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
