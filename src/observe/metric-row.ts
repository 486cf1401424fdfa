/**
 * One row of the table of metrics.
 * In: metric-table and its parts. Out: the registry. Pure types.
 */

/** Definition of a metric. */
export interface MetricRow {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly name: `oxbow_${string}`;
  readonly labels: readonly string[];
  /** One sentence. */
  readonly help: string;
  /** The value of all processes of a server; the sum by default. */
  readonly across?: 'max' | 'min';
  /** Upper bounds of a histogram, in its unit. */
  readonly buckets?: readonly number[];
}
