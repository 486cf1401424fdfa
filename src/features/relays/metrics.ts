/**
 * The metrics of relays, a part of the table of all metrics.
 * In: nothing. Out: rows for observe/metric-table. Each has one series per stream and protocol.
 */
import type { MetricRow } from '../../observe/metric-row.ts';

/** The rows. */
export const relayMetrics = {
  relayBytes: {
    type: 'counter',
    name: 'oxbow_relay_bytes_total',
    labels: ['stream', 'protocol'],
    help: 'Bytes of media sent to relay targets, by protocol: rtmp, rtmps, srt or whip.',
  },
  relayLostFrames: {
    type: 'counter',
    name: 'oxbow_relay_lost_frames_total',
    labels: ['stream', 'protocol'],
    help: 'Frames that relay targets did not get because they were slow.',
  },
  relayAttempts: {
    type: 'counter',
    name: 'oxbow_relay_attempts_total',
    labels: ['stream', 'protocol'],
    help: 'Attempts to connect to relay targets.',
  },
  relayFailures: {
    type: 'counter',
    name: 'oxbow_relay_failures_total',
    labels: ['stream', 'protocol'],
    help: 'Connections to relay targets that failed or were lost.',
  },
} as const satisfies Record<string, MetricRow>;
