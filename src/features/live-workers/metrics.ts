/**
 * The metrics of workers that encode live qualities, a part of the table of all metrics.
 * In: nothing. Out: rows for observe/metric-table.ts.
 */
import type { MetricRow } from '../../observe/metric-row.ts';

/** The rows. */
export const liveWorkerMetrics = {
  liveWorkers: {
    type: 'gauge',
    name: 'oxbow_live_worker_connections',
    labels: ['state'],
    help: 'Connections of workers for live qualities: encoding, or waiting for a stream with free places.',
  },
  liveWorkerBytes: {
    type: 'counter',
    name: 'oxbow_live_worker_bytes_total',
    labels: ['stream', 'direction'],
    help: 'Bytes of live streams that went out to workers and came in from them.',
  },
  ladderMoves: {
    type: 'counter',
    name: 'oxbow_ladder_moves_total',
    labels: ['stream'],
    help: 'How often qualities of a live ladder came to a worker, or from a worker to another machine.',
  },
} as const satisfies Record<string, MetricRow>;
