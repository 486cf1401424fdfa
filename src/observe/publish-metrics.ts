/**
 * The metrics of publishers, a part of the table of all metrics.
 * In: nothing. Out: rows for observe/metric-table. Each has one series per stream, or a few.
 */
import type { MetricRow } from './metric-row.ts';

/** The rows. */
export const publishMetrics = {
  publishMediaRate: {
    type: 'gauge',
    name: 'oxbow_publish_media_bytes_per_second',
    labels: ['stream', 'kind'],
    help: 'Bytes of media per second that the publisher of the stream sends, over ten seconds, by kind: video or audio.',
  },
  publishFrameRate: {
    type: 'gauge',
    name: 'oxbow_publish_frame_rate',
    labels: ['stream'],
    help: 'Video frames per second that the publisher sends, over ten seconds.',
  },
  publishKeyFrameInterval: {
    type: 'gauge',
    name: 'oxbow_publish_key_frame_interval_seconds',
    labels: ['stream'],
    help: 'Longest distance of two key frames in the last minute.',
  },
  publishRtt: {
    type: 'gauge',
    name: 'oxbow_publish_rtt_seconds',
    labels: ['stream'],
    help: 'Round trip time to the publisher, where its protocol measures it.',
  },
  publishPackets: {
    type: 'counter',
    name: 'oxbow_publish_packets_total',
    labels: ['stream', 'result'],
    help: 'Packets of the publisher, where its protocol counts them: received (without those sent again), lost (by the network, repaired or not), retransmitted, dropped (never came in time).',
  },
  publishLinkPackets: {
    type: 'counter',
    name: 'oxbow_publish_link_packets_total',
    labels: ['stream', 'link', 'result'],
    help: 'Packets of one link of a bonded publisher: received (without those sent again), lost (estimated, repaired or not).',
  },
  publishLinkBytes: {
    type: 'counter',
    name: 'oxbow_publish_link_bytes_total',
    labels: ['stream', 'link'],
    help: 'Bytes that came over one link of a bonded publisher.',
  },
  publishBytes: {
    type: 'counter',
    name: 'oxbow_publish_bytes_total',
    labels: ['stream'],
    help: 'Bytes on the connections of publishers, with overhead and repeated packets, where the protocol counts them.',
  },
  publishSettled: {
    type: 'counter',
    name: 'oxbow_publish_settled_frames_total',
    labels: ['stream'],
    help: 'Frames of MPEG-TS that were published at the assembly deadline, before the next frame began.',
  },
  publishLateBytes: {
    type: 'counter',
    name: 'oxbow_publish_late_bytes_total',
    labels: ['stream'],
    help: 'Bytes of MPEG-TS frames that came after the assembly deadline and were dropped; the frame is damaged.',
  },
  publishFindings: {
    type: 'gauge',
    name: 'oxbow_publish_findings',
    labels: ['stream', 'severity'],
    help: 'Findings about the publisher now, by severity: warn or bad. See the page Advice.',
  },
  rtmpConnections: {
    type: 'gauge',
    name: 'oxbow_rtmp_connections',
    labels: ['protocol', 'phase'],
    help: 'Connections over rtmp or rtmps, by phase: handshake, connecting, connected (these three are half-open), publishing or playing.',
  },
  rtmpBytes: {
    type: 'counter',
    name: 'oxbow_rtmp_received_bytes_total',
    labels: ['protocol'],
    help: 'Bytes received over rtmp or rtmps.',
  },
  rtmpSentBytes: {
    type: 'counter',
    name: 'oxbow_rtmp_sent_bytes_total',
    labels: ['protocol'],
    help: 'Bytes of media sent to clients that play over rtmp or rtmps.',
  },
  rtmpEnded: {
    type: 'counter',
    name: 'oxbow_rtmp_ended_total',
    labels: ['protocol', 'reason'],
    help: 'Connections over rtmp or rtmps that ended, by reason: left (by the client), refused (with a status), timeout, invalid (RTMP or a limit of it), failed, server (closed by oxbow), passed (to the process that has the stream), crowded (too many connections or half-open ones).',
  },
  webrtcSessions: {
    type: 'gauge',
    name: 'oxbow_webrtc_sessions',
    labels: ['kind'],
    help: 'Open sessions of WebRTC, by kind: whip (publishers) or whep (viewers).',
  },
  webrtcIgnored: {
    type: 'counter',
    name: 'oxbow_webrtc_ignored_datagrams_total',
    labels: ['reason'],
    help: 'Datagrams on the port of WebRTC that were ignored, by reason: stray (of no session) or malformed.',
  },
  srtRejected: {
    type: 'counter',
    name: 'oxbow_srt_rejected_total',
    labels: ['reason'],
    help: 'SRT callers that were rejected for their stream id, key, encryption or stream, by reason.',
  },
  srtPassed: {
    type: 'counter',
    name: 'oxbow_srt_passed_total',
    labels: [],
    help: 'SRT callers that were passed on to the process of this server that has their stream.',
  },
  srtlaGroups: {
    type: 'gauge',
    name: 'oxbow_srtla_groups',
    labels: [],
    help: 'Bonded senders that are registered over SRTLA now.',
  },
  srtlaLinks: {
    type: 'gauge',
    name: 'oxbow_srtla_links',
    labels: [],
    help: 'Links of bonded senders that are registered over SRTLA now.',
  },
  srtlaRegistrations: {
    type: 'counter',
    name: 'oxbow_srtla_registrations_total',
    labels: ['result'],
    help: 'Registrations of bonded senders and of their links over SRTLA, by result: registered (a sender), refused (a bound is reached), unknown (of no sender; it begins again).',
  },
  srtlaIgnored: {
    type: 'counter',
    name: 'oxbow_srtla_ignored_datagrams_total',
    labels: [],
    help: 'Datagrams on the port of SRTLA that were ignored: malformed, of no registered link, too many registrations, or, with several processes, too many of senders without a connection.',
  },
  srtSocketDrops: {
    type: 'counter',
    name: 'oxbow_srt_socket_drops_total',
    labels: [],
    help: 'Datagrams to the SRT port that Linux dropped because the receive buffer was full: raise net.core.rmem_max, or the computer is too slow.',
  },
  audioConversionRestarts: {
    type: 'counter',
    name: 'oxbow_audio_conversion_restarts_total',
    labels: ['stream'],
    help: 'Processes that convert audio to AAC, or to Opus for WHEP, and ended or could not be started.',
  },
  audioConversionLost: {
    type: 'counter',
    name: 'oxbow_audio_conversion_lost_frames_total',
    labels: ['stream'],
    help: 'Audio frames that are missing because they could not be converted.',
  },
  videoConversionRestarts: {
    type: 'counter',
    name: 'oxbow_video_conversion_restarts_total',
    labels: ['stream'],
    help: 'Processes that convert VP8 video to H.264, and ended or could not be started.',
  },
  videoConversionLost: {
    type: 'counter',
    name: 'oxbow_video_conversion_lost_frames_total',
    labels: ['stream'],
    help: 'Video frames that are missing because they could not be converted.',
  },
} as const satisfies Record<string, MetricRow>;
