/**
 * Least squares for `bench cluster`: the cost of each of several things.
 * In: measured points. Out: the coefficients, and the distance of each point.
 */

/** A measured point: the amounts of things, and their total cost. */
export interface CostPoint {
  readonly amounts: readonly number[];
  readonly cost: number;
}

/** The cost of each thing. */
interface Costs {
  /** Without anything. */
  readonly base: number;
  /** Of one of each thing, in the order of `amounts`. */
  readonly each: readonly number[];
  /** Measured less computed, for each point. */
  readonly residuals: readonly number[];
  /** The cost of amounts. */
  at(amounts: readonly number[]): number;
}

/** Fits a plane through points. @throws Error if they do not determine it */
export function fitCosts(points: readonly CostPoint[]): Costs {
  const rows = points.map(({ amounts }) => [1, ...amounts]);
  const size = rows[0]!.length;
  // The normal equations, with amounts of the same size, solved by elimination.
  const scales = Array.from({ length: size }, (_, i) => Math.max(...rows.map((row) => Math.abs(row[i]!))) || 1);
  const scaled = rows.map((row) => row.map((value, i) => value / scales[i]!));
  const matrix = Array.from({ length: size }, (_, i) => [
    ...Array.from({ length: size }, (_, j) => scaled.reduce((sum, row) => sum + row[i]! * row[j]!, 0)),
    scaled.reduce((sum, row, n) => sum + row[i]! * points[n]!.cost, 0),
  ]);
  for (let i = 0; i < size; i++) {
    const pivot = matrix.slice(i).reduce((best, row) => (Math.abs(row[i]!) > Math.abs(best[i]!) ? row : best));
    const at = matrix.indexOf(pivot);
    [matrix[i], matrix[at]] = [pivot, matrix[i]!];
    if (Math.abs(pivot[i]!) < 1e-9) throw new Error('the points do not determine the costs');
    for (let j = 0; j < size; j++) {
      if (j === i) continue;
      const share = matrix[j]![i]! / pivot[i]!;
      matrix[j] = matrix[j]!.map((value, k) => value - share * pivot[k]!);
    }
  }
  const [base, ...each] = matrix.map((row, i) => row[size]! / row[i]! / scales[i]!);
  const at = (amounts: readonly number[]) => amounts.reduce((sum, amount, i) => sum + amount * each[i]!, base!);
  return { base: base!, each, at, residuals: points.map(({ amounts, cost }) => cost - at(amounts)) };
}
