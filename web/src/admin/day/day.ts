/**
 * The charts of a day: what all streams together received, who watched, and what the server needed.
 * In: series of the API, one for each stream, of the same range. Out: one series of each figure. Pure.
 */
import type { SystemHistory } from '../../../../src/api/admin-shapes.ts';
import type { StatsHistory } from '../../../../src/api/measure/stats-shapes.ts';

/** Length of a chart, and of its steps, seconds. */
export const DAY = { lengthS: 86_400, stepS: 600 } as const;

/** The series of one stream. */
export type OneDay = Pick<StatsHistory, 'from' | 'res'> & {
  readonly series: Pick<StatsHistory['series'], 'videoBitrate' | 'audioBitrate' | 'viewers'>;
};

/** Sums; null in steps in which nothing was measured. */
interface DaySums {
  /** Mbit/s. */
  readonly input: readonly (number | null)[];
  readonly viewers: readonly (number | null)[];
}

/**
 * Adds up the streams. A series that begins a step later than another, because it was requested later, is
 * shifted.
 *
 * @param fromMs start of the first step, unix ms
 * @param count of steps
 */
export function sumDay(streams: readonly OneDay[], fromMs: number, count: number): DaySums {
  const input = new Array<number | null>(count).fill(null);
  const viewers = new Array<number | null>(count).fill(null);
  const add = (to: (number | null)[], step: number, value: number | null | undefined) => {
    if (value !== null && value !== undefined && step >= 0 && step < count) to[step] = (to[step] ?? 0) + value;
  };
  for (const { from, res, series } of streams) {
    const shift = Math.round((Date.parse(from) - fromMs) / (res * 1000));
    for (let step = 0; step < series.videoBitrate.length; step++) {
      add(input, step + shift, megabits(series.videoBitrate[step]));
      add(input, step + shift, megabits(series.audioBitrate[step]));
      add(viewers, step + shift, series.viewers[step]);
    }
  }
  return { input, viewers };
}

/** CPU time and disk of the server, placed on the same steps. */
export function ofDay(
  { from, res, cpu, disk }: SystemHistory,
  fromMs: number,
  count: number,
): { readonly cpu: readonly (number | null)[]; readonly disk: readonly (number | null)[] } {
  const shift = Math.round((Date.parse(from) - fromMs) / (res * 1000));
  const placed = (series: readonly (number | null)[]) =>
    Array.from({ length: count }, (_, step) => series[step - shift] ?? null);
  return { cpu: placed(cpu), disk: placed(disk) };
}

const megabits = (bits: number | null | undefined) => (bits === null || bits === undefined ? null : bits / 1e6);

/** The highest value; null without any. */
export function mostOf(values: readonly (number | null)[]): number | null {
  return values.reduce<number | null>((most, value) => (value === null ? most : Math.max(most ?? value, value)), null);
}
