/**
 * The JSON of delivery between viewers: the setting of a stream, where viewers meet, and checksums.
 * In: streams, features/peers. Out: shapes.ts, the routes, web/.
 */
import type { Static } from 'typebox';
import { Type } from '../type.ts';

/** Most checksums of one answer. */
export const MOST_DIGESTS = 32;

/** Part of StreamView. */
export const peerFields = {
  peerDelivery: Type.Optional(
    Type.Literal(true, { description: 'the setting: viewers may give its segments to each other; absent: no' }),
  ),
  peers: Type.Optional(
    Type.Literal(true, {
      description:
        'viewers who consent give each other segments now; absent: not set here or for the server, or the stream is restricted',
    }),
  ),
};

/** Part of StreamSettings and StreamPatch. */
export const peerSettings = {
  peerDelivery: Type.Optional(
    Type.Union([
      Type.Boolean({ description: 'whether viewers who consent give its segments to each other; default: no' }),
      Type.Null(),
    ]),
  ),
};

/** How viewers of a stream reach each other. */
export const PeersView = Type.Object(
  {
    socket: Type.String({ description: 'path of the WebSocket that introduces viewers' }),
    iceServers: Type.Array(Type.String(), {
      description: 'STUN servers of the setting `webrtcIceServers`; TURN servers are not among them',
    }),
    connected: Type.Integer({ description: 'viewers that are connected to the WebSocket now' }),
  },
  { $id: 'PeersView' },
);
/** See the schema. */
export type PeersView = Static<typeof PeersView>;

/** SHA-256 of segments, as their addresses return them. */
export const PeerDigestsView = Type.Object(
  {
    items: Type.Array(
      Type.Object({
        msn: Type.Integer({ description: 'Media Sequence Number of the segment' }),
        length: Type.Integer({ description: 'bytes' }),
        sha256: Type.String({ description: 'SHA-256 of all bytes, in base64' }),
      }),
      {
        maxItems: MOST_DIGESTS,
        description:
          'in order; segments that are not in the live list are omitted, and those after 16 MiB that were not calculated before',
      },
    ),
  },
  { $id: 'PeerDigestsView' },
);
/** See the schema. */
export type PeerDigestsView = Static<typeof PeerDigestsView>;
