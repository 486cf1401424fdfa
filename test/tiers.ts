/**
 * The second tier: files of tests that are long by nature. `npm test` runs the first tier, which is every other file; `npm run test:all`
 * runs both, and a run with CI=true takes one eighth of the second tier (docs/testing.md).
 * In: nothing. Out: paths from the root with the reason, and the file of the first tier that shows the same promise.
 */

/** Why a file is in the second tier. */
export interface LongFile {
  /** What is long by nature. */
  readonly why: string;
  /** Path of the file of the first tier that shows the same promise in short; none for a proof of tests. */
  readonly short: string | undefined;
}

/** Files of the second tier. None is in `src/`. */
export const secondTier: Readonly<Record<string, LongFile>> = {};
