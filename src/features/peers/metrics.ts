/**
 * The metrics of delivery between viewers, a part of the table of all metrics.
 * In: nothing. Out: rows for observe/metric-table.ts.
 */
import type { MetricRow } from '../../observe/metric-row.ts';

/** The rows. */
export const peerMetrics = {
  peerConnections: {
    type: 'gauge',
    name: 'oxbow_peer_connections',
    labels: [],
    help: 'WebSockets of viewers that are introduced to each other.',
  },
  peerIntroductions: {
    type: 'counter',
    name: 'oxbow_peer_introductions_total',
    labels: ['kind'],
    help: 'Messages that were passed from one viewer to another: `offer` or `answer`.',
  },
  peerRefused: {
    type: 'counter',
    name: 'oxbow_peer_refused_total',
    labels: ['code'],
    help: 'Connections and messages of viewers that were refused, by reason.',
  },
  peerLies: {
    type: 'counter',
    name: 'oxbow_peer_lies_total',
    labels: ['stream'],
    help: 'Reports of viewers that another viewer has sent them wrong bytes of a segment.',
  },
  peerDigests: {
    type: 'counter',
    name: 'oxbow_peer_digests_total',
    labels: ['stream'],
    help: 'Segments whose checksum was calculated for viewers; each once.',
  },
  peerBytes: {
    type: 'counter',
    name: 'oxbow_peer_reported_bytes_total',
    labels: ['stream'],
    help: 'Bytes of segments that viewers got from other viewers, as the viewers report it.',
  },
} as const satisfies Record<string, MetricRow>;
