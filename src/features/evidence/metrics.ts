/**
 * The metrics of evidence, a part of the table of all metrics.
 * In: nothing. Out: rows for observe/metric-table.ts.
 */
import type { MetricRow } from '../../observe/metric-row.ts';

/** The rows. */
export const evidenceMetrics = {
  evidenceBlocks: {
    type: 'counter',
    name: 'oxbow_evidence_blocks_total',
    labels: [],
    help: 'Blocks of chains of evidence that were signed and stored.',
  },
  evidenceAnchors: {
    type: 'counter',
    name: 'oxbow_evidence_anchors_total',
    labels: ['place', 'result'],
    help: 'Roots of the chains that were sent to a place outside: anchored, or failed and tried again.',
  },
} as const satisfies Record<string, MetricRow>;
