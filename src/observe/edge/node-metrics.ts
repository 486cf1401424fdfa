/**
 * The metrics of a node about the other nodes of its cluster, a part of the table of all metrics.
 * In: nothing. Out: rows for observe/metric-table.
 */
import type { MetricRow } from '../metric-row.ts';

/** The rows. */
export const nodeMetrics = {
  nodes: {
    type: 'gauge',
    name: 'oxbow_nodes',
    across: 'max',
    labels: ['state'],
    help: 'In a cluster: nodes of the database, by state: alive, draining, dead. The same at every node.',
  },
  nodeOwned: {
    type: 'gauge',
    name: 'oxbow_node_owned',
    across: 'max',
    labels: ['kind', 'state'],
    help: 'In a cluster: things that nodes own, by kind (stream, room, asset, upload) and by the state of their node: no node runs or changes those of dead ones. The same at every node.',
  },
  nodeRequests: {
    type: 'counter',
    name: 'oxbow_node_requests_total',
    labels: ['kind', 'node'],
    help: 'In a cluster: requests that this node passed to another one, by its name and kind: media (answered from copies where there are any), api, upload, page, webrtc, socket, list.',
  },
  nodeFailures: {
    type: 'counter',
    name: 'oxbow_node_failures_total',
    labels: ['node'],
    help: 'In a cluster: requests to another node that it did not answer.',
  },
} as const satisfies Record<string, MetricRow>;
