/**
 * Delivery between viewers: those who consent are introduced to each other, and compare what they get from
 * each other with checksums of the server.
 * In: settings, the catalog, live windows. Out: the feature. docs/4-watch/peers.md, docs/decisions/0126.
 */
import type { HttpAdditions } from '../../http/additions.ts';
import { streamRoutes } from '../../http/routes/streams/streams.ts';
import { givesToPeers } from '../../streams/peer-delivery.ts';
import type { AppContext } from '../core.ts';
import { type CoreParts, defineFeature, type OpenFeature } from '../feature.ts';
import { Digests } from './digests.ts';
import { peerMetrics } from './metrics.ts';
import { openPeerUpgrades, type PeerRules, PeerSockets } from './peer-sockets.ts';
import { peerTarget } from './peer-target.ts';
import { peerRefusals } from './refusals.ts';
import { type Peers, peerRoutes } from './routes.ts';
import { peersSection } from './settings.ts';

/** Opens it. Nothing runs until the first connection. */
function openPeers({ settings, clock, metrics, log }: AppContext, parts: CoreParts): OpenFeature<Peers> {
  const { catalog, delivery } = parts;
  const rules: PeerRules = {
    stateOf(stream) {
      const definition = (catalog.find(stream) ?? catalog.unopened.find(stream))?.definition;
      const isOpen = definition?.visibility === 'public' || definition?.visibility === 'unlisted';
      if (!isOpen) return undefined;
      return givesToPeers(definition, settings.now) ? 'open' : 'off';
    },
    limits: () => settings.now.peers,
  };
  const sockets = new PeerSockets(rules, { clock, metrics, log });
  const digests = new Digests(delivery.lookup, (stream) => metrics.peerDigests.inc({ stream }));
  const iceServers = () => settings.now.webrtcIceServers.filter((url) => url.startsWith('stun'));
  return { own: { rules, sockets, digests, iceServers } };
}

/** The feature. */
export const peers = defineFeature({
  name: 'peers',
  routes: peerRoutes,
  after: streamRoutes,
  adds: { settings: { peers: peersSection }, refusals: peerRefusals, metrics: peerMetrics },
  open: openPeers,
  additions: ({ sockets }, deps): HttpAdditions => ({
    sockets: { targetOf: peerTarget, open: (ownHosts) => openPeerUpgrades(sockets, deps, ownHosts) },
    register() {},
  }),
});
