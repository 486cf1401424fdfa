/**
 * The metrics of the file of countries, a part of the table of all metrics.
 * In: nothing. Out: rows for observe/metric-table.
 */
import type { MetricRow } from './metric-row.ts';

/** The rows. */
export const countryMetrics = {
  countryFileReads: {
    type: 'counter',
    name: 'oxbow_country_file_reads_total',
    labels: ['result'],
    help: 'Times that `watchRules.countryFile` was read: used (taken), or damaged or unreadable (refused), and the one before stays.',
  },
  countryFileBuilt: {
    type: 'gauge',
    name: 'oxbow_country_file_built_seconds',
    across: 'min',
    labels: [],
    help: 'When the used file of countries was made, as it says, seconds since 1970.',
  },
} as const satisfies Record<string, MetricRow>;
