/**
 * HTTP of rooms besides their routes: WebSockets, offers of calls, and media from elsewhere.
 * In: the parts of rooms, the dependencies of the server. Out: additions for http/server.ts.
 */
import type { HttpAdditions } from '../../http/additions.ts';
import type { HttpDeps } from '../../http/deps.ts';
import type { RoomParts } from './parts.ts';
import { registerCalls } from './routes/call-routes.ts';
import { registerMediaProxy } from './routes/media-proxy-route.ts';
import { roomTarget } from './sockets/room-target.ts';
import { openRoomUpgrades } from './sockets/room-upgrades.ts';

/** Makes them. */
export function createRoomAdditions(parts: RoomParts, deps: HttpDeps): HttpAdditions {
  return {
    sockets: { targetOf: roomTarget, open: (ownHosts) => openRoomUpgrades(parts, deps, ownHosts) },
    register(scope, tools) {
      registerMediaProxy(scope, parts, deps, tools);
      registerCalls(scope, parts, tools);
    },
  };
}
