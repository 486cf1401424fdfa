/**
 * The hot responder of an edge: answers requests for objects in memory at once, and those that wait for the
 * origin together.
 * In: sockets, plain or TLS. Out: responses of the copies; other requests go to the slow path.
 * docs/decisions/0012 and 0051.
 */
import type { Socket } from 'node:net';
import type { Clock } from '../lib/clock.ts';
import { createClientAddress } from '../serve/client/client-address.ts';
import { createHotCountryOf } from '../serve/client/client-country.ts';
import { answersTo, type OwnHosts } from '../serve/client/host-check.ts';
import { type ConnectionHost, HotConnection, type SlowPath } from '../serve/hot/connection.ts';
import { PendingReplies } from '../serve/hot/pending-replies.ts';
import type { ClientHeaders } from '../serve/hot/request-head.ts';
import type { HotResponder } from '../serve/hot/responder.ts';
import type { WaitLimiter } from '../serve/wait-limiter.ts';
import { createEdgeFinder, type EdgeFinderDeps, type EdgeFound } from './edge-finder.ts';

/** Dependencies of the responder. */
interface EdgeResponderDeps extends EdgeFinderDeps {
  readonly clock: Clock;
  readonly trustedProxies: readonly string[];
  /** Header field of trusted proxies with the country of a client, in lower case; empty: none. */
  readonly countryHeader: string;
  readonly ownHosts: OwnHosts;
}

/** Creates the responder. @param waitLimiter shared with the slow path */
export function createEdgeResponder(
  deps: EdgeResponderDeps,
  waitLimiter: WaitLimiter,
  slowPath: SlowPath,
): HotResponder {
  const { clock, ownHosts } = deps;
  const finder = createEdgeFinder(deps);
  const clientAddress = createClientAddress(deps.trustedProxies);
  const connections = new Set<HotConnection<EdgeFound>>();
  const pendingReplies = new PendingReplies();
  let isClosing = false;

  const addressOf = (headers: ClientHeaders, socket: Socket) =>
    clientAddress(socket.remoteAddress ?? '', headers.forwardedFor);

  const host: ConnectionHost<EdgeFound> = {
    ...slowPath,
    cache: finder,
    pendingReplies,
    // The slow path decides whether a page of another site may read what only this computer can reach.
    isCommon: (headers) =>
      answersTo(ownHosts, headers.hostName) && !(ownHosts !== undefined && headers.isFromForeignPage),
    addressOf,
    countryOf: createHotCountryOf(deps.trustedProxies, deps.countryHeader),
    nowS: () => Math.floor(clock.nowMs() / 1000),
    startWaiting: (headers, socket) => waitLimiter.acquire(addressOf(headers, socket)),
    served: (_, { bodyBytes }, { target, headers }) => finder.served(bodyBytes, target, headers.cmcd),
    // The origin counts viewers.
    report: () => undefined,
    get isClosing() {
      return isClosing;
    },
  };

  return {
    open(socket) {
      const connection = new HotConnection<EdgeFound>(socket, host, () => connections.delete(connection));
      connections.add(connection);
    },
    leave(reason) {
      isClosing = true;
      pendingReplies.release(reason);
      for (const connection of connections) if (connection.isIdle) connection.destroy();
    },
    destroy() {
      for (const connection of connections) connection.destroy();
    },
    [Symbol.dispose]() {},
  };
}
