/**
 * Merges rows of figures into series for charts.
 * In: rows of history-rows in any order, each once. Out: one value for each step, null where nothing was
 * measured. Pure.
 */
import type { ActivityView } from '../../api/measure/activity.ts';
import type { StatsHistory } from '../../api/measure/stats-shapes.ts';
import { type HistoryColumn, historyColumns, merge, ROW_S } from './history-rows.ts';

const WIDTH = historyColumns.length;
/** The columns of the activity of a stream. */
export const activityColumns: readonly HistoryColumn[] = ['coveredMs', 'videoBytes', 'audioBytes', 'pictureChange'];
const at = Object.fromEntries(historyColumns.map((name, i) => [name, i])) as Readonly<Record<HistoryColumn, number>>;

/** Steps of a series. */
export interface HistorySteps {
  /** Start of the first step, ms since 1970; a multiple of `resS`. */
  readonly fromMs: number;
  /** Length of a step, seconds; a multiple of ROW_S. */
  readonly resS: number;
  readonly count: number;
}

/** Usual lengths of steps, seconds: as many steps as a chart has pixels. */
const LENGTHS = [5, 10, 30, 60, 120, 300, 600, 1800, 3600];
const USUAL_STEPS = 1000;
const MOST_STEPS = 2000;

/**
 * The steps of a range.
 *
 * @param resS wanted length of a step, seconds, rounded up to what is possible; 0: by the length of the range
 */
export function historySteps(fromMs: number, toMs: number, resS: number): HistorySteps {
  const rangeS = (toMs - fromMs) / 1000;
  const leastS = Math.max(resS, rangeS / (resS > 0 ? MOST_STEPS : USUAL_STEPS));
  const usual = resS > 0 ? undefined : LENGTHS.find((length) => length >= leastS);
  const lengthS = usual ?? Math.max(1, Math.ceil(leastS / ROW_S)) * ROW_S;
  const startMs = Math.floor(fromMs / 1000 / lengthS) * lengthS * 1000;
  return { fromMs: startMs, resS: lengthS, count: Math.max(1, Math.ceil((toMs - startMs) / 1000 / lengthS)) };
}

/** Takes rows and prints series. */
export class SeriesBuilder {
  readonly #steps: HistorySteps;
  readonly #columns: readonly HistoryColumn[];
  readonly #sums: Float64Array;

  /** @param columns that are read; series of others are not known */
  constructor(steps: HistorySteps, columns: readonly HistoryColumn[] = historyColumns) {
    this.#steps = steps;
    this.#columns = columns;
    this.#sums = new Float64Array(steps.count * WIDTH).fill(Number.NaN);
  }

  /** Adds a row. @param number unix seconds / ROW_S; rows outside of the range are ignored */
  add(number: number, values: Float32Array): void {
    const { fromMs, resS, count } = this.#steps;
    const step = Math.floor((number * ROW_S - fromMs / 1000) / resS);
    if (step < 0 || step >= count) return;
    for (const name of this.#columns) {
      const place = step * WIDTH + at[name];
      this.#sums[place] = merge(name, this.#sums[place]!, values[at[name]]!);
    }
  }

  /** The series of all rows so far. */
  get series(): StatsHistory['series'] {
    const seconds = this.#of('coveredMs', (value) => value / 1000);
    const perSecond = (name: HistoryColumn, digits: number, factor = 1) =>
      this.#of(name, (value, step) => rounded((value * factor) / seconds[step]!, digits));
    const plain = (name: HistoryColumn, digits: number, factor = 1) =>
      this.#of(name, (value) => rounded(value * factor, digits));
    return {
      videoBitrate: perSecond('videoBytes', 0, 8).map(orNull),
      audioBitrate: perSecond('audioBytes', 0, 8).map(orNull),
      bitrateIn: perSecond('bytesIn', 0, 8).map(orNull),
      frameRate: perSecond('videoFrames', 2).map(orNull),
      keyFrameInterval: plain('keyFrameIntervalMs', 3, 0.001).map(orNull),
      rtt: plain('rttMs', 1).map(orNull),
      jitter: plain('jitterMs', 1).map(orNull),
      loss: this.#of('lost', (lost, step) => rounded(lost / (lost + this.#value('packets', step)), 5)).map(orNull),
      retransmitted: plain('retransmitted', 0).map(orNull),
      dropped: plain('dropped', 0).map(orNull),
      damaged: plain('damaged', 0).map(orNull),
      viewers: plain('viewers', 0).map(orNull),
      avOffset: plain('avOffsetMs', 1).map(orNull),
      skew: plain('skewMs', 1).map(orNull),
      dark: plain('dark', 1).map(orNull),
      pictureChange: plain('pixelChange', 0).map(orNull),
      soundLevel: plain('soundDb', 1).map(orNull),
    };
  }

  /** Bitrate and change of the picture of all rows so far. */
  get activity(): Pick<ActivityView, 'values' | 'changes'> {
    const seconds = this.#of('coveredMs', (value) => value / 1000);
    const bits = this.#of('videoBytes', (video, step) => {
      const audio = this.#value('audioBytes', step);
      return Number.isNaN(video) ? 8 * audio : 8 * (video + (Number.isNaN(audio) ? 0 : audio));
    });
    return {
      values: bits.map((value, step) => orNull(rounded(value / seconds[step]!, 0))),
      changes: this.#of('pictureChange', (value) => rounded(value, 1)).map(orNull),
    };
  }

  #value(name: HistoryColumn, step: number): number {
    return this.#sums[step * WIDTH + at[name]]!;
  }

  #of(name: HistoryColumn, value: (sum: number, step: number) => number): number[] {
    return Array.from({ length: this.#steps.count }, (_, step) => value(this.#value(name, step), step));
  }
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

function orNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
