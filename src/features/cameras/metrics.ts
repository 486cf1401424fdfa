/**
 * The metrics of cameras, a part of the table of all metrics.
 * In: nothing. Out: rows for observe/metric-table.ts.
 */
import type { MetricRow } from '../../observe/metric-row.ts';

/** The rows. */
export const cameraMetrics = {
  camerasWatched: {
    type: 'gauge',
    name: 'oxbow_cameras_watched',
    labels: [],
    help: 'Cameras whose events are read now.',
  },
  cameraEvents: {
    type: 'counter',
    name: 'oxbow_camera_events_total',
    labels: ['result'],
    help: 'Events of cameras: new, merged with the one before, or dropped (more than 120 in an hour of one stream).',
  },
} as const satisfies Record<string, MetricRow>;
