/**
 * The connections of a room: what everyone gets is printed once.
 * In: messages. Out: one frame, handed to each connection.
 */
import type { ServerMessage } from '../../api/room/messages.ts';
import type { Audience } from '../audience.ts';
import type { Peer } from '../peer.ts';
import { printFrame } from './frame.ts';

/** @param broadcasted called with each message, for metrics */
export function createFramedAudience(broadcasted: (message: ServerMessage) => void): Audience {
  const peers = new Set<Peer>();
  return {
    get size() {
      return peers.size;
    },
    add: (peer) => void peers.add(peer),
    remove: (peer) => void peers.delete(peer),
    broadcast(message, isFor) {
      if (peers.size === 0) return;
      broadcasted(message);
      const frame = printFrame(JSON.stringify(message));
      for (const peer of peers) if (!isFor || isFor(peer.user)) peer.sendFrame(frame);
    },
  };
}
