/**
 * Numbers of media that is written into the past: they never meet those of media that the stream recorded
 * itself. docs/decisions/0072.
 * In: segment numbers. Out: run ids. Pure.
 */

/** Runs of imported media have this id or a higher one; a stream never has so many. */
const FIRST_IMPORTED_RUN = 2 ** 32;

/** Whether a run was imported. */
export function isImportedRun(run: number): boolean {
  return run >= FIRST_IMPORTED_RUN;
}

/**
 * The highest id that a stretch may not use: its runs follow, at most one for each segment.
 * @param firstMsn of the stretch
 */
export function runBefore(firstMsn: number): number {
  return FIRST_IMPORTED_RUN + firstMsn - 1;
}
