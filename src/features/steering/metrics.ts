/**
 * The metrics of content steering, a part of the table of all metrics.
 * In: nothing. Out: rows for observe/metric-table.ts.
 */
import type { MetricRow } from '../../observe/metric-row.ts';

/** The rows. Label `pathway` is the name of an edge in the settings. */
export const steeringMetrics = {
  steeringAnswers: {
    type: 'counter',
    name: 'oxbow_steering_answers_total',
    labels: ['pathway'],
    help: 'Steering Manifests for players, by the edge that they name first.',
  },
  steeringReports: {
    type: 'counter',
    name: 'oxbow_steering_reports_total',
    labels: ['result'],
    help: 'Reports of edges: taken or refused.',
  },
  steeringUp: {
    type: 'gauge',
    name: 'oxbow_steering_pathway_up',
    across: 'min',
    labels: ['pathway'],
    help: 'Whether an edge gets viewers: 1, or 0 while it is dead or draining.',
  },
  steeringLoad: {
    type: 'gauge',
    name: 'oxbow_steering_pathway_load',
    across: 'max',
    labels: ['pathway'],
    help: 'Share of its processor time that an edge reports, 0 to 1; 0 while it does not report.',
  },
} as const satisfies Record<string, MetricRow>;
