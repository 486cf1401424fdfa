/**
 * The metrics of what is kept beside recordings and of retention, a part of the table.
 * In: nothing. Out: rows of metric-table.
 */
import type { MetricRow } from './metric-row.ts';

/** Rows. */
export const recordingMetrics = {
  storyboardPictures: {
    type: 'counter',
    name: 'oxbow_storyboard_pictures_total',
    labels: ['stream', 'result'],
    help: 'Small pictures of recordings: stored, failed, or dropped because too many waited; the next key frame takes their place.',
  },
  storyboardsWaiting: {
    type: 'gauge',
    name: 'oxbow_storyboard_pictures_waiting',
    labels: [],
    help: 'Small pictures that wait for the media engine.',
  },
  retentionDeletions: {
    type: 'counter',
    name: 'oxbow_retention_deletions_total',
    labels: [],
    help: 'Chunk files deleted by retention.',
  },
  retentionPaused: {
    type: 'gauge',
    name: 'oxbow_retention_paused',
    labels: [],
    help: '1 for an hour after a large step of the clock, while recordings are not deleted by age.',
  },
} as const satisfies Record<string, MetricRow>;
