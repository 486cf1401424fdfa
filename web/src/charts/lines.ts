/**
 * What the charts over time have in common.
 * In: values of lines. Out: what a chart draws besides the lines. Pure.
 */

/** The values without a neighbour, by their index: a line does not show them. Null: there are none. */
export function lonelyOf(values: readonly (number | null)[]): number[] | null {
  const isMissing = (index: number) => (values[index] ?? null) === null;
  const lonely = [...values.keys()].filter((i) => !isMissing(i) && isMissing(i - 1) && isMissing(i + 1));
  return lonely.length > 0 ? lonely : null;
}

/** The middle of each of `count` steps of `stepS`, unix seconds. */
export function middlesOf(startS: number, stepS: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, step) => startS + (step + 0.5) * stepS);
}
