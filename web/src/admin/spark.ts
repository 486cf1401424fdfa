/**
 * The sparkline of a stream's last minutes, and the sum of the gaps of its last hour.
 * In: samples, gaps. Out: an SVG path, bars, sums. Pure.
 */
import type { GapView } from '../../../src/api/shapes.ts';
import type { Sample } from '../api/admin.ts';

/** Length of the chart, milliseconds. */
export const SPARK_MS = 600_000;
/** Size of the drawing. */
export const SPARK = { width: 120, height: 28 } as const;

/** The samples with one more, without those older than the chart. */
export function withSample(samples: readonly Sample[], sample: Sample): readonly Sample[] {
  return [...samples.filter(({ atMs }) => atMs > sample.atMs - SPARK_MS), sample];
}

const acrossOf = (atMs: number, nowMs: number) => SPARK.width * (1 - (nowMs - atMs) / SPARK_MS);
const short = (value: number) => String(Math.round(value * 10) / 10);

/** The line: from zero to slightly above the highest sample; broken at missing values. */
export function sparkPath(samples: readonly Sample[], nowMs: number): string {
  const most = Math.max(1, ...samples.map(({ value }) => value ?? 0)) * 1.1;
  let isDrawing = false;
  let path = '';
  for (const { atMs, value } of samples) {
    if (value !== null) {
      const up = SPARK.height * (1 - value / most);
      path += `${isDrawing ? 'L' : 'M'}${short(acrossOf(atMs, nowMs))} ${short(up)}`;
    }
    isDrawing = value !== null;
  }
  return path;
}

/** Positions of gaps on the chart; each is at least one stroke wide. */
export function gapBars(
  gaps: readonly Pick<GapView, 'from' | 'to'>[],
  nowMs: number,
): readonly { readonly x: number; readonly width: number }[] {
  return gaps.flatMap(({ from, to }) => {
    const x = Math.max(0, acrossOf(Date.parse(from), nowMs));
    const end = Math.min(SPARK.width, acrossOf(Date.parse(to), nowMs));
    return end < 0 || x > SPARK.width ? [] : [{ x, width: Math.max(1.5, end - x) }];
  });
}

/** The number of gaps and their total length. */
export function sumOf(gaps: readonly GapView[]): { readonly count: number; readonly seconds: number } {
  const ms = gaps.reduce((sum, { from, to }) => sum + Date.parse(to) - Date.parse(from), 0);
  return { count: gaps.reduce((sum, { merged = 1 }) => sum + merged, 0), seconds: ms / 1000 };
}
