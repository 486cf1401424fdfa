/**
 * The metrics of the chat of rooms, a part of the table of all metrics.
 * In: nothing. Out: rows for observe/metric-table.
 */
import type { MetricRow } from './metric-row.ts';

/** The rows. */
export const chatMetrics = {
  roomMessagesStored: {
    type: 'counter',
    name: 'oxbow_room_messages_stored_total',
    labels: [],
    help: 'Messages of rooms that were committed: chat and danmaku.',
  },
  roomMessagesWaiting: {
    type: 'gauge',
    name: 'oxbow_room_messages_waiting',
    labels: [],
    help: 'Messages of rooms that were delivered and wait for their commit; at 4096 more are refused.',
  },
  roomCommitSeconds: {
    type: 'histogram',
    name: 'oxbow_room_commit_seconds',
    labels: [],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1],
    help: 'Time of the transactions that commit messages of rooms.',
  },
} as const satisfies Record<string, MetricRow>;
