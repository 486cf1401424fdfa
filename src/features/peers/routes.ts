/**
 * Routes of delivery between viewers: how they reach each other, and checksums of segments.
 * In: names of streams and segments. Out: PeersView; PeerDigestsView.
 */
import { PeerDigestsView, PeersView } from '../../api/peers/peer-shapes.ts';
import { Type } from '../../api/type.ts';
import { NameParams } from '../../http/routes/streams/streams.ts';
import { rowsFor } from '../feature.ts';
import type { Digests } from './digests.ts';
import { assertOpen, type PeerRules, type PeerSockets } from './peer-sockets.ts';
import { peerSocketPath } from './peer-target.ts';

/** What the routes use. */
export interface Peers {
  readonly rules: PeerRules;
  readonly digests: Digests;
  /** STUN servers for pages. */
  iceServers(): readonly string[];
  readonly sockets: PeerSockets;
}

const Msn = Type.String({ pattern: '^[0-9]{1,15}$', description: 'Media Sequence Number' });
const DigestQuery = Type.Object({
  rendition: Type.String({ pattern: '^[a-z0-9-]{1,32}$', description: 'rendition, as in the address of its segments' }),
  from: Msn,
  to: Type.Optional(Msn),
});

const defineRoute = rowsFor<Peers>();

/** The rows. */
export const peerRoutes = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/streams/:name/peers',
    tag: 'streams',
    access: 'viewer',
    sentence: 'Returns how viewers of a stream who consent give each other segments.',
    params: NameParams,
    replies: { 200: PeersView },
    answer({ params: { name } }, { rules, iceServers, sockets }) {
      assertOpen(rules, name);
      return { body: { socket: peerSocketPath(name), iceServers: iceServers(), connected: sockets.countOf(name) } };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/streams/:name/peers/digests',
    tag: 'streams',
    access: 'viewer',
    sentence: 'Returns the checksums of segments of the live list, to compare with what other viewers have sent.',
    params: NameParams,
    query: DigestQuery,
    isRoutine: true,
    replies: { 200: PeerDigestsView },
    answer({ params: { name }, query: { rendition, from, to = from } }, { rules, digests }) {
      assertOpen(rules, name);
      return { body: digests.read({ stream: name, rendition, from: Number(from), to: Number(to) }) };
    },
  }),
];
