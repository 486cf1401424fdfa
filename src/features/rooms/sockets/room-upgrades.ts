/**
 * Upgrades requests for the WebSocket of a room.
 * In: requests to upgrade, authorized here. Out: connections in room-sockets.ts.
 */

import type { OpenSockets } from '../../../http/additions.ts';
import type { HttpDeps } from '../../../http/deps.ts';
import { socketRequestOf } from '../../../http/upgrades.ts';
import { OxbowError } from '../../../lib/errors.ts';
import { createAuthenticator } from '../../../serve/client/authenticate.ts';
import type { OwnHosts } from '../../../serve/client/host-check.ts';
import type { RoomParts } from '../parts.ts';
import { authorizeRoomSocket } from './authorize-socket.ts';
import { RoomSockets } from './room-sockets.ts';

/** @param ownHosts names that this server answers to */
export function openRoomUpgrades(parts: RoomParts, deps: HttpDeps, ownHosts: OwnHosts): OpenSockets {
  const sockets = new RoomSockets(parts, deps);
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
