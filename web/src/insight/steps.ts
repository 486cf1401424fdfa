/**
 * What the charts of insight draw.
 * In: points of the API. Out: a value for each step, the highest one. Pure.
 */

/** A value of a step. */
export interface Point {
  /** Beginning of the step, unix milliseconds; of an asset, from its start. */
  readonly atMs: number;
  readonly value: number;
}

/** Equal steps, each with a value. */
export interface Steps {
  /** Beginning of the first step, seconds. */
  readonly fromS: number;
  readonly stepS: number;
  readonly values: readonly number[];
}

/** Most steps that are drawn. */
const MOST_STEPS = 2000;

/** The steps of a range; those without a point are 0: no one watched. */
export function stepsOf(points: readonly Point[], fromMs: number, toMs: number, stepS: number): Steps {
  const stepMs = stepS * 1000;
  const firstMs = Math.floor(fromMs / stepMs) * stepMs;
  const count = Math.min(MOST_STEPS, Math.max(1, Math.ceil((toMs - firstMs) / stepMs)));
  const values = new Array<number>(count).fill(0);
  for (const { atMs, value } of points) {
    const step = Math.floor((atMs - firstMs) / stepMs);
    if (step >= 0 && step < count) values[step]! += value;
  }
  return { fromS: firstMs / 1000, stepS, values };
}

/** The highest value and the beginning of its step, seconds; null: all are 0. */
export function highestOf({ fromS, stepS, values }: Steps): { readonly atS: number; readonly value: number } | null {
  let best = -1;
  for (const [step, value] of values.entries()) if (value > (values[best] ?? 0)) best = step;
  return best < 0 ? null : { atS: fromS + best * stepS, value: values[best]! };
}

/** The steps that have a value, for a table: beginning in seconds. */
export function rowsOf({ fromS, stepS, values }: Steps): readonly { readonly atS: number; readonly value: number }[] {
  return values.flatMap((value, step) => (value > 0 ? [{ atS: fromS + step * stepS, value }] : []));
}
