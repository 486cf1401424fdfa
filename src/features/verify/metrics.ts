/**
 * The metrics of the verification of stored files, a part of the table of all metrics.
 * In: nothing. Out: rows for observe/recording-metrics.ts.
 */
import type { MetricRow } from '../../observe/metric-row.ts';

/** The rows. */
export const verifyMetrics = {
  verifiedBytes: {
    type: 'counter',
    name: 'oxbow_verified_bytes_total',
    labels: [],
    help: 'Bytes of stored files that were compared with their checksums.',
  },
  verifyCompleted: {
    type: 'gauge',
    name: 'oxbow_verify_completed_timestamp_seconds',
    labels: [],
    help: 'When the last verification of all stored files ended, seconds since 1970; 0: none has.',
  },
  damagedFiles: {
    type: 'gauge',
    name: 'oxbow_damaged_files',
    labels: [],
    help: 'Stored files that are damaged, missing, unreadable or without an index row, and not repaired.',
  },
  damagedSegments: {
    type: 'gauge',
    name: 'oxbow_damaged_segments',
    labels: [],
    help: 'Damaged segments in those files.',
  },
  restoredFiles: {
    type: 'counter',
    name: 'oxbow_restored_files_total',
    labels: [],
    help: 'Damaged files that were replaced by their intact second copy in an object store.',
  },
} as const satisfies Record<string, MetricRow>;
