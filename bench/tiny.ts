/**
 * `--tiny`: durations and counts that have no option are as small as they can be. The suite runs every
 * benchmark so, to see that it works; its figures say nothing.
 * In: the command line. Out: one of two values.
 */
const isTiny = process.argv.includes('--tiny');

/** Arguments of a program of the benchmark, so that it is tiny too. */
export const tinyArgs: readonly string[] = isTiny ? ['--tiny'] : [];

/** @returns `full`, with `--tiny` the value with which the benchmark only shows that it works */
export function orTiny<T>(full: T, tiny: T): T {
  return isTiny ? tiny : full;
}
