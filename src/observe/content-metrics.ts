/**
 * Metrics of encrypted media, a part of the table of all metrics.
 * In: nothing. Out: rows for metric-table.ts.
 */
import type { MetricRow } from './metric-row.ts';

export const contentMetrics = {
  encryptedSegments: {
    type: 'counter',
    name: 'oxbow_encrypted_segments_total',
    labels: ['result'],
    help: 'Segments and parts that were requested encrypted: encrypted now (made), joined while another request had them encrypted (joined), or in the cache (kept). Without those of serving threads.',
  },
  encryptedBytes: {
    type: 'counter',
    name: 'oxbow_encrypted_bytes_total',
    labels: [],
    help: 'Bytes of segments and parts that were encrypted. Without those of serving threads.',
  },
  encryptedCacheBytes: {
    type: 'gauge',
    name: 'oxbow_encrypted_cache_bytes',
    labels: [],
    help: 'Encrypted segments and parts in memory.',
  },
} as const satisfies Record<string, MetricRow>;
