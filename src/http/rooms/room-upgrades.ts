/**
 * Upgrades requests for the WebSocket of a room.
 * In: requests to upgrade, authorized here. Out: connections in room-sockets.ts.
 */
import { OxbowError } from '../../lib/errors.ts';
import { createAuthenticator } from '../../serve/client/authenticate.ts';
import type { OwnHosts } from '../../serve/client/host-check.ts';
import type { HttpDeps } from '../deps.ts';
import type { Upgrade } from '../upgrades.ts';
import { authorizeRoomSocket, socketRequestOf } from './authorize-socket.ts';
import { RoomSockets } from './room-sockets.ts';
import { usualSocketLimits } from './socket-limits.ts';

/** Opens connections to rooms. */
export interface RoomUpgrades {
  readonly open: Upgrade<string>;
  /** Ends all connections with a message, and accepts no more. May be called twice. */
  close(): void;
  /** Ends those that are left. */
  destroy(): void;
}

/** @param ownHosts names that this server answers to */
export function openRoomUpgrades(deps: HttpDeps, ownHosts: OwnHosts): RoomUpgrades {
  const sockets = new RoomSockets(deps, deps.roomSocketLimits ?? (() => usualSocketLimits));
  const authorizing = { limits: deps.limits, authenticator: createAuthenticator(deps), ownHosts };
  return {
    async open(request, socket, head, room) {
      try {
        await authorizing.authenticator.lookUp(socketRequestOf(request));
        sockets.open(request, socket, head, room, authorizeRoomSocket(authorizing, request));
      } catch (error) {
        if (error instanceof OxbowError) sockets.refused(error.code);
        throw error;
      }
    },
    close: () => sockets.close(),
    destroy: () => sockets[Symbol.dispose](),
  };
}
