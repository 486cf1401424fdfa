/**
 * The metrics of rooms, a part of the table of all metrics.
 * In: nothing. Out: rows for observe/metric-table.
 */
import type { MetricRow } from '../../observe/metric-row.ts';

/** The rows. */
export const roomMetrics = {
  rooms: {
    type: 'gauge',
    name: 'oxbow_rooms',
    labels: [],
    help: 'Rooms with people in them.',
  },
  roomMembers: {
    type: 'gauge',
    name: 'oxbow_room_members',
    labels: [],
    help: 'People who are in rooms; one person in two rooms counts twice.',
  },
  roomsMoved: {
    type: 'counter',
    name: 'oxbow_rooms_moved_total',
    labels: ['how'],
    help: 'Open rooms that ended at this node because another node of the cluster owns them: `given` to it, or `taken` by it.',
  },
  roomPermissionAnswers: {
    type: 'counter',
    name: 'oxbow_room_permission_answers_total',
    labels: ['result'],
    help: 'Answers about permissions of people in rooms: `hit` from memory, `miss` after a change of the person or the room.',
  },
  roomConnections: { type: 'gauge', name: 'oxbow_room_connections', labels: [], help: 'WebSockets of rooms.' },
  roomMessagesIn: {
    type: 'counter',
    name: 'oxbow_room_messages_in_total',
    labels: ['type'],
    help: 'Valid messages of clients of rooms, by type.',
  },
  roomMessagesOut: {
    type: 'counter',
    name: 'oxbow_room_messages_out_total',
    labels: ['type'],
    help: 'Messages of rooms, by type; one to everyone in a room counts once.',
  },
  mediaProxyRequests: {
    type: 'counter',
    name: 'oxbow_room_media_proxy_requests_total',
    labels: ['result'],
    help: 'Requests of members of rooms for media from elsewhere, by result: ok, left, failed, or an error code.',
  },
  roomDeliveries: {
    type: 'counter',
    name: 'oxbow_room_deliveries_total',
    labels: [],
    help: 'Messages that were written to connections of rooms.',
  },
  callParticipants: {
    type: 'gauge',
    name: 'oxbow_call_participants',
    labels: ['mode'],
    help: 'People in calls of rooms, by mode: mesh (browsers connect to each other) or forwarded (by this server).',
  },
  callForwarded: {
    type: 'counter',
    name: 'oxbow_call_forwarded_packets_total',
    labels: [],
    help: 'Packets of calls that were sent to receivers.',
  },
  callDropped: {
    type: 'counter',
    name: 'oxbow_call_dropped_packets_total',
    labels: [],
    help: 'Packets of participants of calls that were not forwarded: beyond the rate, late or repeated.',
  },
  callPaused: {
    type: 'gauge',
    name: 'oxbow_call_paused_pictures',
    labels: [],
    help: 'Pictures of calls that are not sent because the network of a receiver loses packets.',
  },
  roomTickSeconds: {
    type: 'histogram',
    name: 'oxbow_room_tick_seconds',
    labels: [],
    buckets: [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1],
    help: 'Time that the fan-out worked to write the messages of one tick.',
  },
  roomUnsentBytes: {
    type: 'gauge',
    name: 'oxbow_room_unsent_bytes',
    labels: [],
    help: 'Bytes that clients of rooms have not read yet, as far as this process holds them.',
  },
  roomSlowClients: {
    type: 'counter',
    name: 'oxbow_room_slow_clients_total',
    labels: [],
    help: 'Clients of rooms that were disconnected because they left more than 1 MiB unread.',
  },
  roomRefused: {
    type: 'counter',
    name: 'oxbow_room_refused_total',
    labels: ['code'],
    help: 'Messages and connections of rooms that were refused, by code.',
  },
  roomOffsetSeconds: {
    type: 'histogram',
    name: 'oxbow_room_offset_seconds',
    labels: [],
    buckets: [0.005, 0.015, 0.03, 0.06, 0.125, 0.25, 0.5, 1, 2.5, 5, 10],
    help: 'Distances of players from the position of their room, as they report them every 2 s.',
  },
} as const satisfies Record<string, MetricRow>;

/** Those of the chat. */
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
