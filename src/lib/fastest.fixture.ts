/**
 * Measures work against other work, for tests of how it grows; a bound in ms would fail on a machine that is busy.
 * In: work to be repeated. Out: the time of its best run.
 */

/** Time that the fastest of some runs took, ms. */
export function fastest(work: () => unknown, runs = 5): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < runs; i++) {
    const beganMs = performance.now();
    work();
    least = Math.min(least, performance.now() - beganMs);
  }
  return least;
}
