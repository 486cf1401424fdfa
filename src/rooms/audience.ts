/**
 * The connections of a room that get what everyone gets.
 * In: rooms/room. Out: messages to peers. rooms/live has the implementation that builds each frame once and
 * joins messages of a tick.
 */
import type { UserRef } from '../accounts/users/user.ts';
import type { ServerMessage } from '../api/room/messages.ts';
import type { Peer } from './peer.ts';

/** Everyone who is connected to a room. */
export interface Audience {
  readonly size: number;
  add(peer: Peer): void;
  /** May be called again for the same peer. */
  remove(peer: Peer): void;
  /**
   * Sends to every connection, or to those of some people. A peer gets its own messages and these in the
   * order in which they were sent. Never waits.
   */
  broadcast(message: ServerMessage, isFor?: (user: UserRef) => boolean): void;
}

/** The plain implementation: one `send` for each connection. */
export function createAudience(): Audience {
  const peers = new Set<Peer>();
  return {
    get size() {
      return peers.size;
    },
    add: (peer) => void peers.add(peer),
    remove: (peer) => void peers.delete(peer),
    broadcast(message, isFor) {
      for (const peer of peers) if (!isFor || isFor(peer.user)) peer.send(message);
    },
  };
}
