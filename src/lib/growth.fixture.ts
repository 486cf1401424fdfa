/**
 * Measures work against less of the same work, for tests of how it grows; a bound in ms would fail on a
 * machine that is busy.
 * In: work to be repeated. Out: how many times as long the longer one takes.
 */

/** Runs of each; the fastest one counts. */
const RUNS = 5;
/** A busy machine disturbs some measurements, not all of them. */
const ROUNDS = 10;

/** Work, and less of it. */
export interface Compared {
  long(): unknown;
  short(): unknown;
}

/**
 * How many times as long the long work takes, measured until it is less than a bound, or ten times.
 *
 * @param bound far above what the work should need, and far below what it would need if it grew faster
 */
export function growth({ long, short }: Compared, bound: number): number {
  let times = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS && times >= bound; round++)
    times = Math.min(times, fastest(long) / fastest(short));
  return times;
}

/** Time that the fastest of some runs took, ms. */
function fastest(work: () => unknown): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < RUNS; i++) {
    const beganMs = performance.now();
    work();
    least = Math.min(least, performance.now() - beganMs);
  }
  return least;
}
