/**
 * The metrics of publishers and of the sinks of live streams: a part of the table of metrics.
 * In: nothing. Out: metric-table.
 */
import type { MetricRow } from './metric-row.ts';

/** Metrics of the input of a live stream and of its waiting output. */
export const sinkMetrics = {
  sinkQueuedBytes: {
    type: 'gauge',
    name: 'oxbow_sink_queued_bytes',
    labels: ['stream', 'sink'],
    help: 'Bytes of frames that wait for sinks of a stream, by kind of sink.',
  },
  sinkLostGops: {
    type: 'counter',
    name: 'oxbow_sink_lost_gops_total',
    labels: ['stream', 'sink', 'cause'],
    help: 'GOPs that sinks of a stream dropped, by kind of sink and cause: slow (the queue was full), gop-too-large (the GOP in progress filled the queue alone), memory (a ceiling of memory).',
  },
  sinkLostFrames: {
    type: 'counter',
    name: 'oxbow_sink_lost_frames_total',
    labels: ['stream', 'sink', 'cause'],
    help: 'Frames that sinks of a stream dropped, by kind of sink and cause, as oxbow_sink_lost_gops_total.',
  },
  sinkPressure: {
    type: 'gauge',
    name: 'oxbow_sink_pressure_percent',
    labels: ['stream', 'sink'],
    help: 'How full the fullest queue of a kind of sink is: 0, 25, 50, 75 or 90 percent of its bound have been reached.',
  },
  streamMemoryBytes: {
    type: 'gauge',
    name: 'oxbow_stream_waiting_bytes',
    labels: ['stream'],
    help: 'Bytes of frames that wait in the sinks and the GOP buffer of a stream; the bound is `live.memory.stream`.',
  },
  waitingBytes: {
    type: 'gauge',
    name: 'oxbow_waiting_bytes',
    labels: [],
    help: 'Bytes of frames that wait in the sinks and GOP buffers of all streams; the bound is `live.memory.total`.',
  },
  gopBufferBytes: {
    type: 'gauge',
    name: 'oxbow_gop_buffer_bytes',
    labels: [],
    help: 'Bytes of the newest GOPs that all streams keep for sinks that attach later.',
  },
  gopsTooLarge: {
    type: 'counter',
    name: 'oxbow_gops_too_large_total',
    labels: ['stream'],
    help: 'GOPs in progress that were too large for the GOP buffer (`live.gopBuffer.openSize`, `live.gopBuffer.openDuration`) or for the memory, so that late sinks had to wait for the next key frame.',
  },
  publishers: {
    type: 'gauge',
    name: 'oxbow_publishers',
    labels: ['stream', 'role'],
    help: 'Publishers that are connected to the stream, by role: active or standby.',
  },
  publishClaims: {
    type: 'counter',
    name: 'oxbow_publish_claims_total',
    labels: ['stream', 'protocol', 'result'],
    help: 'Publishers that claimed the stream, by result: active, standby or refused. `stream` is empty for those that named none that exists.',
  },
  publisherSwitches: {
    type: 'counter',
    name: 'oxbow_publisher_switches_total',
    labels: ['stream', 'reason'],
    help: 'Times that a second publisher became the active one, by reason: left, stalled or replaced.',
  },
} as const satisfies Record<string, MetricRow>;
