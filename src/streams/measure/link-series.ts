/**
 * The links of a bonded publisher over time, as series of equal steps.
 * In: rows of five seconds. Out: bitrate, loss and round trip time of each link. Pure.
 */
import type { StatsHistory } from '../../api/measure/stats-shapes.ts';
import type { HistorySteps } from './history-series.ts';
import { type LinkColumn, type LinkRow, linkColumns } from './link-rows.ts';

const WIDTH = linkColumns.length;
const ROW_S = 5;
const RTT = linkColumns.indexOf('rttMs');

/** Takes rows and prints series. */
export class LinkSeries {
  readonly #steps: HistorySteps;
  readonly #sums = new Map<number, Float64Array>();

  constructor(steps: HistorySteps) {
    this.#steps = steps;
  }

  /** Adds a row; rows outside of the range are ignored. */
  add({ row, link, values }: LinkRow): void {
    const { fromMs, resS, count } = this.#steps;
    const step = Math.floor((row * ROW_S - fromMs / 1000) / resS);
    if (step < 0 || step >= count) return;
    let sums = this.#sums.get(link);
    if (!sums) {
      sums = new Float64Array(count * WIDTH).fill(Number.NaN);
      this.#sums.set(link, sums);
    }
    for (let column = 0; column < WIDTH; column++) {
      const value = values[column]!;
      if (Number.isNaN(value)) continue;
      const at = step * WIDTH + column;
      const before = sums[at]!;
      if (Number.isNaN(before)) sums[at] = value;
      else sums[at] = column === RTT ? Math.max(before, value) : before + value;
    }
  }

  /** The series of all links that have rows, by number. */
  get links(): StatsHistory['links'] {
    return [...this.#sums]
      .sort(([a], [b]) => a - b)
      .map(([number, sums]) => {
        const of = (name: LinkColumn, step: number) => sums[step * WIDTH + linkColumns.indexOf(name)]!;
        const series = (value: (step: number) => number, digits: number) =>
          Array.from({ length: this.#steps.count }, (_, step) => {
            const figure = value(step);
            return Number.isFinite(figure) ? Number(figure.toFixed(digits)) : null;
          });
        return {
          number,
          bitrate: series((step) => (of('bytes', step) * 8000) / of('coveredMs', step), 0),
          loss: series((step) => of('lost', step) / (of('lost', step) + of('packets', step)), 5),
          rtt: series((step) => of('rttMs', step), 1),
        };
      });
  }
}
