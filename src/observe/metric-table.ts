/**
 * The one table of all metrics, the source of the registry, the typed handles and
 * docs/reference/metrics.md.
 * In: nothing. Out: names, labels and help. Names are `oxbow_…`, units are base units (seconds, bytes),
 * counters end in `_total`.
 */

import { alarmMetrics } from '../features/alarms/metrics.ts';
import { cameraMetrics } from '../features/cameras/metrics.ts';
import { evidenceMetrics } from '../features/evidence/metrics.ts';
import { healingMetrics } from '../features/healing/metrics.ts';
import { insightMetrics } from '../features/insight/metrics.ts';
import { liveWorkerMetrics } from '../features/live-workers/metrics.ts';
import { mqttMetrics } from '../features/mqtt/metrics.ts';
import { peerMetrics } from '../features/peers/metrics.ts';
import { pushMetrics } from '../features/push/metrics.ts';
import { relayMetrics } from '../features/relays/metrics.ts';
import { chatMetrics, roomMetrics } from '../features/rooms/metrics.ts';
import { steeringMetrics } from '../features/steering/metrics.ts';
import { accountMetrics } from './account-metrics.ts';
import { authMetrics } from './auth-metrics.ts';
import { contentMetrics } from './content-metrics.ts';
import { countryMetrics } from './country-metrics.ts';
import { edgeMetrics } from './edge/edge-metrics.ts';
import { nodeMetrics } from './edge/node-metrics.ts';
import { jobMetrics } from './job-metrics.ts';
import { libraryMetrics } from './library-metrics.ts';
import { logMetrics } from './log-metrics.ts';
import type { MetricRow } from './metric-row.ts';
import { childMetrics } from './process/child-metrics.ts';
import { publishMetrics } from './publish-metrics.ts';
import { recordingMetrics } from './recording-metrics.ts';
import { serviceMetrics } from './services/service-metrics.ts';
import { sinkMetrics } from './sink-metrics.ts';

/** Default buckets of histograms. */
export const REQUEST_SECONDS = [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const DISK_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];

/** The table. Label `stream` is the name of a stream; its series are removed with it. */
export const metricTable = {
  events: {
    type: 'counter',
    name: 'oxbow_events_total',
    labels: ['type'],
    help: 'Events that were published on the event bus.',
  },
  eventsMissed: {
    type: 'counter',
    name: 'oxbow_events_missed_total',
    labels: [],
    help: 'Times a subscriber missed events because more were published at once than the event bus keeps.',
  },
  eventLogWaiting: {
    type: 'gauge',
    name: 'oxbow_event_log_waiting',
    labels: [],
    help: 'Events that wait to be stored in the log of past events.',
  },
  eventLogLost: {
    type: 'counter',
    name: 'oxbow_event_log_lost_total',
    labels: [],
    help: 'Events that are not in the log of past events, because too many waited for the database.',
  },
  eventListeners: { type: 'gauge', name: 'oxbow_event_listeners', labels: [], help: 'Subscribers to events now.' },
  webhookDeliveries: {
    type: 'counter',
    name: 'oxbow_webhook_deliveries_total',
    labels: ['state'],
    help: 'Events for webhooks: delivered (done), given up (failed) or not sent (dropped).',
  },
  eventListenersLost: {
    type: 'counter',
    name: 'oxbow_event_listeners_lost_total',
    labels: [],
    help: 'Subscribers to events that were disconnected because they were too slow.',
  },
  streams: {
    type: 'gauge',
    name: 'oxbow_streams',
    labels: ['state'],
    help: 'Streams by their current state.',
  },
  streamLive: {
    type: 'gauge',
    name: 'oxbow_stream_live',
    labels: ['stream'],
    help: 'Whether media of the stream flows now: 1 or 0.',
  },
  tracksLeftOut: {
    type: 'gauge',
    name: 'oxbow_tracks_left_out',
    labels: ['stream', 'kind'],
    help: 'Tracks of the source that oxbow cannot take, by kind: video, audio, text, unknown, and programs of the feed that are not selected. They are neither recorded nor served.',
  },
  timelineSeconds: {
    type: 'gauge',
    name: 'oxbow_timeline_seconds',
    labels: ['stream'],
    help: 'Length of the timeline of a stream, up to the end of the recording.',
  },
  frames: {
    type: 'counter',
    name: 'oxbow_frames_total',
    labels: ['stream'],
    help: 'Frames that publishers delivered.',
  },
  ...sinkMetrics,
  ...accountMetrics,
  ...authMetrics,
  ...countryMetrics,
  ...contentMetrics,
  ...serviceMetrics,
  ...alarmMetrics,
  ...healingMetrics,
  ...liveWorkerMetrics,
  ...evidenceMetrics,
  ...insightMetrics,
  ...mqttMetrics,
  ...pushMetrics,
  ...cameraMetrics,
  ...publishMetrics,
  ...steeringMetrics,
  ...peerMetrics,
  ...edgeMetrics,
  ...nodeMetrics,
  ...relayMetrics,
  ...libraryMetrics,
  ...roomMetrics,
  damage: {
    type: 'counter',
    name: 'oxbow_damage_total',
    labels: ['stream'],
    help: 'Damaged places in the media that were skipped.',
  },
  clippedSeconds: {
    type: 'counter',
    name: 'oxbow_clipped_seconds_total',
    labels: ['stream'],
    help: 'Seconds of media left out after a (re)connect because the stream has media of that time already.',
  },
  qualityGaps: {
    type: 'counter',
    name: 'oxbow_quality_gaps_total',
    labels: ['stream', 'quality', 'cause'],
    help: 'Segments without media in one derived quality of a stream: its frames came too late (late), were lost (damaged), its encoder had stopped (stopped), or the segment was not recorded (recording).',
  },
  ladderLagSeconds: {
    type: 'gauge',
    name: 'oxbow_ladder_lag_seconds',
    labels: ['stream'],
    help: 'How far the live encoder of a ladder is behind its source: 95th percentile of the last ten seconds.',
  },
  ladderDropped: {
    type: 'counter',
    name: 'oxbow_ladder_dropped_total',
    labels: ['stream', 'quality'],
    help: 'How often a quality of a live ladder was dropped because the computer was too slow.',
  },
  ladderLostFrames: {
    type: 'counter',
    name: 'oxbow_ladder_lost_frames_total',
    labels: ['stream'],
    help: 'Frames of the source that the live encoder left out because too many were waiting.',
  },
  ladderRestarts: {
    type: 'counter',
    name: 'oxbow_ladder_restarts_total',
    labels: ['stream'],
    help: 'Processes of live encoders that ended or could not be started.',
  },
  encoderSessions: {
    type: 'gauge',
    name: 'oxbow_encoder_sessions',
    labels: ['device'],
    help: 'Qualities that a video device encodes for live streams of this process.',
  },
  encoderUp: {
    type: 'gauge',
    name: 'oxbow_encoder_device_up',
    labels: ['device'],
    help: '1 while a video device works, 0 after it failed, until a trial succeeds.',
  },
  encoderSpeed: {
    type: 'gauge',
    name: 'oxbow_encoder_speed',
    labels: ['device', 'encoder'],
    help: 'Pictures of 720p that a hardware encoder makes in a second, as it was measured.',
  },
  encoderFailures: {
    type: 'counter',
    name: 'oxbow_encoder_failures_total',
    labels: ['device'],
    help: 'How often a video device failed and was left alone for a pause.',
  },
  segments: { type: 'counter', name: 'oxbow_segments_total', labels: ['stream'], help: 'Segments that were packaged.' },
  parts: {
    type: 'counter',
    name: 'oxbow_parts_total',
    labels: ['stream'],
    help: 'Partial segments that were packaged.',
  },
  recordedBytes: {
    type: 'counter',
    name: 'oxbow_recorded_bytes_total',
    labels: ['stream'],
    help: 'Bytes of media that are synced to disk.',
  },
  servedBytes: {
    type: 'counter',
    name: 'oxbow_served_bytes_total',
    labels: ['class'],
    help: 'Bytes of response bodies sent to viewers, by class of address.',
  },
  gaps: {
    type: 'counter',
    name: 'oxbow_gaps_total',
    labels: ['stream', 'cause'],
    help: 'Stretches of time without media, by cause.',
  },
  sourceFetches: {
    type: 'counter',
    name: 'oxbow_source_fetches_total',
    labels: ['stream', 'result'],
    help: 'Requests to sources, by result: ok or failed.',
  },
  sourceRetries: {
    type: 'counter',
    name: 'oxbow_source_retries_total',
    labels: ['stream'],
    help: 'Requests to sources that were repeated.',
  },
  sourceDatagrams: {
    type: 'counter',
    name: 'oxbow_source_datagrams_total',
    labels: ['stream', 'result'],
    help: 'UDP datagrams that came to the port of a source, by result: taken, or other-sender (ignored).',
  },
  sourceFailures: {
    type: 'counter',
    name: 'oxbow_source_failures_total',
    labels: ['stream'],
    help: 'Times that a source failed and was restarted after a pause.',
  },
  sourcePauseSeconds: {
    type: 'gauge',
    name: 'oxbow_source_pause_seconds',
    labels: ['stream'],
    help: 'Current pause after a failure of the source; 0 while it is used.',
  },
  sourceFetchSeconds: {
    type: 'histogram',
    name: 'oxbow_source_fetch_seconds',
    labels: [],
    help: 'Time until sources began to reply, including redirects.',
    buckets: REQUEST_SECONDS,
  },
  sourceConnections: {
    type: 'gauge',
    name: 'oxbow_source_idle_connections',
    labels: [],
    help: 'Connections to sources that are kept for the next request.',
  },
  recordingLagSeconds: {
    type: 'gauge',
    name: 'oxbow_recording_lag_seconds',
    labels: ['stream'],
    help: 'Time from the end of a segment until it is synced to disk; alert above 5.',
  },
  openChunkFiles: { type: 'gauge', name: 'oxbow_open_chunk_files', labels: [], help: 'Chunk files open for writing.' },
  syncSeconds: {
    type: 'histogram',
    name: 'oxbow_sync_seconds',
    labels: [],
    help: 'Duration of syncs (fdatasync).',
    buckets: DISK_SECONDS,
  },
  diskFreeBytes: {
    type: 'gauge',
    name: 'oxbow_disk_free_bytes',
    across: 'max',
    labels: [],
    help: 'Bytes that are free on the disk of the recordings.',
  },
  diskTotalBytes: {
    type: 'gauge',
    name: 'oxbow_disk_total_bytes',
    across: 'max',
    labels: [],
    help: 'Size of the disk of the recordings.',
  },
  diskGrowth: {
    type: 'gauge',
    name: 'oxbow_disk_growth_bytes_per_second',
    across: 'max',
    labels: [],
    help: 'Growth of the disk of the recordings in the last day; below 0 if it emptied.',
  },
  diskFullSeconds: {
    type: 'gauge',
    name: 'oxbow_disk_full_in_seconds',
    across: 'min',
    labels: [],
    help: 'Time until the disk of the recordings is full at the rate of the last day; +Inf if it does not fill.',
  },
  ...recordingMetrics,
  httpRequests: {
    type: 'counter',
    name: 'oxbow_http_requests_total',
    labels: ['class', 'status'],
    help: 'Answered requests, by class of address and status.',
  },
  httpRequestSeconds: {
    type: 'histogram',
    name: 'oxbow_http_request_seconds',
    labels: ['class'],
    help: 'Time from a request to the end of its response, including held requests.',
    buckets: REQUEST_SECONDS,
  },
  http2UnsentBytes: {
    type: 'gauge',
    name: 'oxbow_http2_unsent_bytes',
    labels: [],
    help: 'Bytes of responses that HTTP/2 clients have not read, except live media; at 256 MiB the session that has been idle longest is closed.',
  },
  http2SessionsCut: {
    type: 'counter',
    name: 'oxbow_http2_sessions_cut_total',
    labels: ['reason'],
    help: 'HTTP/2 sessions that were closed: they did not read (stalled), or all sessions together left too much unread (memory).',
  },
  heldRequests: {
    type: 'gauge',
    name: 'oxbow_held_requests',
    labels: [],
    help: 'Requests that wait for media that does not exist yet; in a cluster also WebSockets that wait for the next node of a room.',
  },
  cmcdRequests: {
    type: 'counter',
    name: 'oxbow_cmcd_requests_total',
    labels: ['class'],
    help: 'Media requests with CMCD, by class of address.',
  },
  bufferStarvations: {
    type: 'counter',
    name: 'oxbow_buffer_starvations_total',
    labels: [],
    help: 'Requests that report an empty buffer (CMCD bs).',
  },
  refusals: {
    type: 'counter',
    name: 'oxbow_refused_total',
    labels: ['code'],
    help: 'Requests that were refused and are logged, by error code: playback tokens that are forged, revoked or expired, pages of other sites, addresses that must not be reached. Those of rooms are oxbow_room_refused_total.',
  },
  viewers: {
    type: 'gauge',
    name: 'oxbow_viewers',
    labels: ['stream'],
    help: 'Players that requested media of a stream or reported their session in the last 30 s, live and past: by CMCD session, otherwise by address and program. Live players with the same address and program are counted by how often they request the same segment.',
  },
  viewersOver: {
    type: 'counter',
    name: 'oxbow_viewers_uncounted_total',
    labels: [],
    help: 'Requests and reports of players that were not counted as viewers, because the limit of counted players is reached: in all, of the stream, or of the client.',
  },
  tsSegments: {
    type: 'counter',
    name: 'oxbow_ts_segments_total',
    labels: ['result'],
    help: 'Requests of muxed MPEG-TS segments, by result: muxed, cached, or joined to one being muxed.',
  },
  timeLapses: {
    type: 'counter',
    name: 'oxbow_timelapses_total',
    labels: ['result'],
    help: 'Requests of time-lapses, by result: made, or cached.',
  },
  plannedSegments: {
    type: 'counter',
    name: 'oxbow_planned_segments_total',
    labels: [],
    help: 'Segments of the index that clips and time-lapses have read for clients.',
  },
  openAnswerBytes: {
    type: 'gauge',
    name: 'oxbow_open_answer_bytes',
    labels: [],
    help: 'Memory of clips, time-lapses and long windows that are being sent, bytes; at 256 MiB further ones are refused.',
  },
  rangeRefusals: {
    type: 'counter',
    name: 'oxbow_range_refused_total',
    labels: ['reason'],
    help: 'Requests for clips, time-lapses and long windows that were refused for their cost: the address has read too many segments (segments), its open downloads hold too much (address), or those of all clients do (total).',
  },
  tsCacheBytes: {
    type: 'gauge',
    name: 'oxbow_ts_cache_bytes',
    labels: [],
    help: 'Bytes of muxed MPEG-TS segments in memory.',
  },
  readyBytes: {
    type: 'gauge',
    name: 'oxbow_ready_answer_bytes',
    labels: [],
    help: 'Bytes of live media that are ready as responses.',
  },
  blockCacheBytes: {
    type: 'gauge',
    name: 'oxbow_block_cache_bytes',
    labels: [],
    help: 'Bytes of chunk files that readers share in memory.',
  },
  ...jobMetrics,
  ...chatMetrics,
  ...childMetrics,
  handles: {
    type: 'gauge',
    name: 'oxbow_handles',
    labels: ['kind'],
    help: 'Open resources of the process, by kind: socket (viewers and sources), tls, listener, pipe, process, timer.',
  },
  sharedBytes: {
    type: 'gauge',
    name: 'oxbow_shared_bytes',
    labels: [],
    help: 'Bytes of live media that live lists hold in memory.',
  },
  databaseWaitSeconds: {
    type: 'histogram',
    name: 'oxbow_database_wait_seconds',
    labels: [],
    help: 'Time from a database request to its result.',
    buckets: DISK_SECONDS,
  },
  databaseWaiting: {
    type: 'gauge',
    name: 'oxbow_database_statements_waiting',
    labels: [],
    help: 'Statements that wait for a connection to the database server; more than 2,000 are refused. 0 with SQLite.',
  },
  scrapeErrors: {
    type: 'counter',
    name: 'oxbow_scrape_errors_total',
    labels: [],
    help: 'Groups of metrics that could not be read for a scrape, or not within 2 s; they keep their last values.',
  },
  ...logMetrics,
  eventLoopLagSeconds: {
    type: 'gauge',
    name: 'oxbow_event_loop_lag_seconds',
    across: 'max',
    labels: ['thread', 'quantile'],
    help: 'Event loop lag of a thread since the last scrape.',
  },
  cpuSeconds: {
    type: 'counter',
    name: 'oxbow_cpu_seconds_total',
    labels: [],
    help: 'CPU time of this process, children excluded.',
  },
  residentBytes: {
    type: 'gauge',
    name: 'oxbow_resident_memory_bytes',
    labels: [],
    help: 'Resident memory of this process.',
  },
  heapBytes: {
    type: 'gauge',
    name: 'oxbow_heap_bytes',
    labels: ['thread'],
    help: 'Used JavaScript heap of a thread, including garbage.',
  },
  externalBytes: {
    type: 'gauge',
    name: 'oxbow_external_bytes',
    labels: ['thread'],
    help: "Memory outside of a thread's heap that V8 counts, plain buffers included.",
  },
  arrayBufferBytes: {
    type: 'gauge',
    name: 'oxbow_array_buffer_bytes',
    labels: ['thread'],
    help: 'Buffers created by a thread, plain and shared, including garbage.',
  },
  memoryLimitBytes: {
    type: 'gauge',
    name: 'oxbow_memory_limit_bytes',
    across: 'max',
    labels: [],
    help: 'Memory limit of this process: that of its container, otherwise the memory of the machine.',
  },
  clockSteps: {
    type: 'counter',
    name: 'oxbow_clock_steps_total',
    labels: [],
    help: "Times that the system's clock stepped by more than half a second.",
  },
  startTime: {
    type: 'gauge',
    name: 'oxbow_start_time_seconds',
    across: 'min',
    labels: [],
    help: 'Start time of this process, seconds since 1970.',
  },
  build: {
    type: 'gauge',
    name: 'oxbow_build_info',
    across: 'max',
    labels: ['version', 'node'],
    help: 'Always 1; the labels have the versions.',
  },
} as const satisfies Record<string, MetricRow>;
