/**
 * The metrics of insight, a part of the table of all metrics.
 * In: nothing. Out: rows for observe/metric-table.ts.
 */
import type { MetricRow } from '../../observe/metric-row.ts';

/** The rows. */
export const insightMetrics = {
  insightReports: {
    type: 'counter',
    name: 'oxbow_insight_reports_total',
    labels: ['result'],
    help: 'Reports of players: taken; opted-out (DNT or GPC); off (by `insight.enabled`); malformed; unknown (no such stream or asset, or it may not be watched); too-many (beyond the bounds of one address or of all).',
  },
  insightRows: {
    type: 'counter',
    name: 'oxbow_insight_rows_total',
    labels: ['result'],
    help: 'Rows of sessions and minutes: stored; lost because the database was too slow; sealed.',
  },
  insightSessions: {
    type: 'gauge',
    name: 'oxbow_insight_sessions',
    labels: [],
    help: 'Sessions of players in memory.',
  },
  insightWaiting: {
    type: 'gauge',
    name: 'oxbow_insight_rows_waiting',
    labels: [],
    help: 'Rows that wait for the database.',
  },
  insightSealedBatches: {
    type: 'gauge',
    name: 'oxbow_insight_sealed_batches',
    labels: [],
    help: 'Sealed batches of rows of sessions: Parquet files, or batches in ClickHouse.',
  },
  insightSealedBytes: {
    type: 'gauge',
    name: 'oxbow_insight_sealed_bytes',
    labels: [],
    help: 'Bytes of the Parquet files of sealed rows.',
  },
} as const satisfies Record<string, MetricRow>;
