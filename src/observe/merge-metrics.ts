/**
 * The metrics of several processes as those of one server.
 * In: texts in the exposition format of Prometheus. Out: one text. Pure.
 */

import type { MetricRow } from './metric-row.ts';
import { metricTable } from './metric-table.ts';

/** How the values of a series become one. */
export type Across = 'sum' | 'max' | 'min';

const merges: Readonly<Record<Across, (a: number, b: number) => number>> = {
  sum: (a, b) => a + b,
  max: Math.max,
  min: Math.min,
};

/** A metric: its help and type, and its values by their names with labels. */
interface Metric {
  readonly head: string[];
  readonly values: Map<string, number>;
}

/**
 * Merges texts. Metrics and series are in the order in which they come first.
 *
 * @param acrossOf how the values of a metric are merged, by its name
 */
export function mergeMetrics(texts: readonly string[], acrossOf: (name: string) => Across): string {
  const metrics = new Map<string, Metric>();
  for (const text of texts) {
    let metric: Metric = { head: [], values: new Map() };
    let merge = merges.sum;
    for (const line of text.split('\n')) {
      const name = /^# (?:HELP|TYPE) (?<name>\S+)/.exec(line)?.groups?.name;
      if (name !== undefined) {
        metric = metrics.get(name) ?? { head: [], values: new Map() };
        metrics.set(name, metric);
        merge = merges[acrossOf(name)];
        if (!metric.head.includes(line)) metric.head.push(line);
        continue;
      }
      const at = line.lastIndexOf(' ');
      if (at <= 0) continue;
      const [key, value] = [line.slice(0, at), parseValue(line.slice(at + 1))];
      const before = metric.values.get(key);
      metric.values.set(key, before === undefined ? value : merge(before, value));
    }
  }
  return `${Array.from(metrics.values(), printMetric).join('\n\n')}\n`;
}

const rows: ReadonlyMap<string, MetricRow> = new Map(
  Object.values<MetricRow>(metricTable).map((row) => [row.name as string, row] as const),
);

/** How a metric of the table is merged. */
export function acrossProcesses(name: string): Across {
  return rows.get(name)?.across ?? 'sum';
}

function printMetric({ head, values }: Metric): string {
  return [...head, ...Array.from(values, ([key, value]) => `${key} ${printValue(value)}`)].join('\n');
}

function parseValue(text: string): number {
  if (text === '+Inf' || text === 'Inf') return Number.POSITIVE_INFINITY;
  return text === '-Inf' ? Number.NEGATIVE_INFINITY : Number(text); // NaN stays NaN
}

function printValue(value: number): string {
  if (Number.isNaN(value)) return 'Nan';
  if (Number.isFinite(value)) return String(value);
  return value > 0 ? '+Inf' : '-Inf';
}
