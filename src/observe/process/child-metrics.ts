/**
 * Metrics of child processes, a part of the table of all metrics.
 * In: nothing. Out: rows for metric-table.ts.
 */
import type { MetricRow } from '../metric-row.ts';

/** The rows. */
export const childMetrics = {
  childrenWithoutNetwork: {
    type: 'gauge',
    name: 'oxbow_children_without_network',
    across: 'max',
    labels: [],
    help: '1 while processes that read foreign media are started without a network, see children.network.',
  },
  ffmpegChildren: { type: 'gauge', name: 'oxbow_ffmpeg_children', labels: [], help: 'Running media engine processes.' },
  ffmpegStarts: {
    type: 'counter',
    name: 'oxbow_ffmpeg_starts_total',
    labels: [],
    help: 'Media engine processes that were started.',
  },
} as const satisfies Readonly<Record<string, MetricRow>>;
