/**
 * The metrics of `oxbow edge`, a part of the table of all metrics.
 * In: nothing. Out: rows for observe/metric-table.
 */
import type { MetricRow } from '../metric-row.ts';

/** The rows. */
export const edgeMetrics = {
  edgeRequests: {
    type: 'counter',
    name: 'oxbow_edge_requests_total',
    labels: ['result'],
    help: 'Requests at an edge: hit (memory), disk, stale, miss, joined (another client had asked already), refused, passed.',
  },
  edgeOriginRequests: {
    type: 'counter',
    name: 'oxbow_edge_origin_requests_total',
    labels: ['reason'],
    help: 'Requests of an edge to its origin: miss, revalidate, prefetch, warm, check (of a playback token).',
  },
  edgeOriginFailures: {
    type: 'counter',
    name: 'oxbow_edge_origin_failures_total',
    labels: [],
    help: 'Requests to the origin of an edge that were not answered, or with 500, 502, 503 or 504.',
  },
  edgeOriginBytes: {
    type: 'counter',
    name: 'oxbow_edge_origin_bytes_total',
    labels: [],
    help: 'Bytes of objects that an edge received from its origin, unpacked.',
  },
  edgeServedBytes: {
    type: 'counter',
    name: 'oxbow_edge_served_bytes_total',
    labels: [],
    help: 'Bytes of objects that an edge sent to clients.',
  },
  edgeCmcdRequests: {
    type: 'counter',
    name: 'oxbow_edge_cmcd_requests_total',
    labels: [],
    help: 'Requests with CMCD that an edge answered.',
  },
  edgeStarvations: {
    type: 'counter',
    name: 'oxbow_edge_buffer_starvations_total',
    labels: [],
    help: 'Requests that an edge answered to players whose buffer ran empty.',
  },
  edgePrefetchesDropped: {
    type: 'counter',
    name: 'oxbow_edge_prefetches_dropped_total',
    labels: [],
    help: 'Prefetches of an edge that were left out because too many were under way.',
  },
  edgeEvictions: {
    type: 'counter',
    name: 'oxbow_edge_evictions_total',
    labels: [],
    help: 'Objects that left the memory of an edge for others.',
  },
  edgeCacheBytes: {
    type: 'gauge',
    name: 'oxbow_edge_cache_bytes',
    labels: ['store'],
    help: 'Bytes that an edge keeps, by store: memory or disk.',
  },
  edgeObjects: {
    type: 'gauge',
    name: 'oxbow_edge_objects',
    labels: [],
    help: 'Objects in the memory of an edge.',
  },
  edgeHeld: {
    type: 'gauge',
    name: 'oxbow_edge_held_requests',
    labels: [],
    help: 'Requests at an edge that wait for its origin now.',
  },
  edgeOriginDown: {
    type: 'gauge',
    name: 'oxbow_edge_origin_down',
    across: 'max',
    labels: [],
    help: 'Whether an edge leaves its origin alone because it does not answer: 1 or 0.',
  },
} as const satisfies Record<string, MetricRow>;
