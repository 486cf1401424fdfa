/**
 * The history of a stream's signal as charts and as a table.
 * In: StatsHistory. Out: charts with aligned values, sums of a chart in figures, rows of a table. Pure.
 */
import type { StatsHistory } from '../api/publishing.ts';
import { middlesOf } from '../charts/lines.ts';
import { bitrateText } from '../media/choice-text.ts';
import type { TextKey } from '../text/text.ts';

/** One line of a chart. */
interface Line {
  readonly name: TextKey;
  /** Of a link; with the name it is unique in a chart. */
  readonly number?: number;
  readonly values: readonly (number | null)[];
}

/** What a chart measures. */
type Measure = 'bitrate' | 'frameRate' | 'rtt' | 'loss' | 'clocks' | LinkMeasure;
/** Of each link of a bonded publisher. */
type LinkMeasure = 'linkBitrate' | 'linkLoss' | 'linkRtt';

export interface Chart {
  readonly measure: Measure;
  readonly lines: readonly Line[];
}

/** Shown spans, the shortest first, seconds. */
export const SPANS_S = [600, 3_600, 86_400] as const;
/** Values of a chart, at most: more than one per pixel is not visible. */
const MOST_VALUES = 720;
/** Shortest step of the server, seconds. */
const LEAST_RES_S = 5;
/** Rows of the table, at most. */
const MOST_ROWS = 24;

/** The step for a span, seconds. */
export function resolutionOf(spanS: number): number {
  return Math.max(LEAST_RES_S, Math.ceil(spanS / MOST_VALUES));
}

/** The charts that have a value; RTMP has neither round trip nor loss. */
export function chartsOf({ series, links }: StatsHistory): readonly Chart[] {
  const linkChart = (measure: LinkMeasure, key: 'bitrate' | 'loss' | 'rtt'): Chart => ({
    measure,
    lines: links.map((link) => ({ name: 'signal.link', number: link.number, values: link[key] })),
  });
  const { videoBitrate, audioBitrate, frameRate, rtt, loss, avOffset, skew } = series;
  const charts: readonly Chart[] = [
    {
      measure: 'bitrate',
      lines: [
        { name: 'goLive.video', values: videoBitrate },
        { name: 'goLive.audio', values: audioBitrate },
      ],
    },
    { measure: 'frameRate', lines: [{ name: 'goLive.frameRate', values: frameRate }] },
    { measure: 'rtt', lines: [{ name: 'goLive.rtt', values: rtt }] },
    { measure: 'loss', lines: [{ name: 'goLive.loss', values: loss }] },
    linkChart('linkBitrate', 'bitrate'),
    linkChart('linkLoss', 'loss'),
    linkChart('linkRtt', 'rtt'),
    {
      measure: 'clocks',
      lines: [
        { name: 'signal.avOffset', values: avOffset },
        { name: 'signal.skew', values: skew },
      ],
    },
  ];
  return charts
    .map((chart) => ({ ...chart, lines: chart.lines.filter(({ values }) => values.some((value) => value !== null)) }))
    .filter(({ lines }) => lines.length > 0);
}

/** The middle of each step, unix seconds. */
export function timesOf({ from, res, series }: StatsHistory): readonly number[] {
  return middlesOf(Date.parse(from) / 1000, res, series.videoBitrate.length);
}

/** A value with its unit; an en dash for none. */
export function valueText(measure: Measure, value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  if (measure === 'bitrate' || measure === 'linkBitrate') return bitrateText(value);
  if (measure === 'frameRate') return `${Number(value.toFixed(1))} fps`;
  if (measure === 'rtt' || measure === 'linkRtt' || measure === 'clocks') return `${Math.round(value) || 0} ms`;
  return `${Number((value * 100).toFixed(2))} %`;
}

/** Highest value that an axis shows at least: small values are no mountains. */
const LEAST_AXIS: Readonly<Record<Measure, number>> = {
  bitrate: 1,
  frameRate: 1,
  rtt: 10,
  loss: 0.01,
  clocks: 50,
  linkBitrate: 1,
  linkLoss: 0.01,
  linkRtt: 10,
};
/** In the table the worst of these is shown, of others the mean. */
const WORST: ReadonlySet<Measure> = new Set(['rtt', 'loss', 'linkRtt', 'linkLoss']);

/** The ends of the axis of a chart with these extremes; what can be negative has 0 in the middle. */
export function axisOf(measure: Measure, least: number | null, most: number | null): readonly [number, number] {
  const end = Math.max(most ?? 0, -(least ?? 0), LEAST_AXIS[measure]) * 1.15;
  return [measure === 'clocks' ? -end : 0, end];
}

/** Lowest, mean and highest value; null without one. */
export function summaryOf(
  values: readonly (number | null)[],
): { readonly least: number; readonly mean: number; readonly most: number } | null {
  const numbers = values.filter((value) => value !== null);
  if (numbers.length === 0) return null;
  const sum = numbers.reduce((total, value) => total + value, 0);
  return { least: Math.min(...numbers), mean: sum / numbers.length, most: Math.max(...numbers) };
}

/** One row of the table: its start in unix milliseconds, and a value for each line of all charts. */
interface Row {
  readonly atMs: number;
  readonly values: readonly (number | null)[];
}

/** The charts as a table of few rows: means of bitrates and frame rates, the worst of the others. */
export function rowsOf(history: StatsHistory, charts: readonly Chart[]): readonly Row[] {
  const steps = history.series.videoBitrate.length;
  const perRow = Math.max(1, Math.ceil(steps / MOST_ROWS));
  const startMs = Date.parse(history.from);
  const rows: Row[] = [];
  for (let step = 0; step < steps; step += perRow) {
    const values = charts.flatMap(({ measure, lines }) =>
      lines.map(({ values }) => {
        const summary = summaryOf(values.slice(step, step + perRow));
        return summary && (WORST.has(measure) ? summary.most : summary.mean);
      }),
    );
    if (values.some((value) => value !== null)) rows.push({ atMs: startMs + step * history.res * 1000, values });
  }
  return rows;
}
