/**
 * The hot responder of an edge: answers requests for objects in memory at once, and those that wait for the origin together.
 * In: sockets, plain or TLS. Out: responses of the copies; other requests go to the slow path. docs/decisions/0012 and 0051.
 */
import type { Socket } from 'node:net';
import { createClientAddress } from '../http/client/client-address.ts';
import { readCmcd } from '../http/client/cmcd.ts';
import { answersTo, type OwnHosts } from '../http/client/host-check.ts';
import { type ConnectionHost, type Found, HotConnection, type SlowPath } from '../http/hot/connection.ts';
import { PendingReplies } from '../http/hot/pending-replies.ts';
import { rawResponseOf } from '../http/hot/raw-response.ts';
import type { ClientHeaders } from '../http/hot/request-head.ts';
import type { HotResponder } from '../http/hot/responder.ts';
import type { HotClient } from '../http/hot/response-cache.ts';
import type { WaitLimiter } from '../http/wait-limiter.ts';
import type { Clock } from '../lib/clock.ts';
import type { EdgeCache } from './cache/edge-cache.ts';
import type { Flight } from './cache/flight.ts';
import type { EdgeCounts } from './edge-counts.ts';
import { edgeTargetOf } from './edge-target.ts';
import { isLoop } from './origin.ts';
import { AskAgain, OriginRefusal, PassOn } from './refusal.ts';

/** Dependencies of the responder. */
export interface EdgeResponderDeps {
  readonly cache: EdgeCache;
  readonly counts: EdgeCounts;
  readonly clock: Clock;
  /** Of this edge, in `Via`. */
  readonly name: string;
  readonly trustedProxies: readonly string[];
  readonly ownHosts: OwnHosts;
  /** Fields of every answer. */
  readonly head: Readonly<Record<string, string>>;
  /** Called with a bug. */
  failed(error: unknown, where: string): void;
}

/** The result for a target. */
interface EdgeFound extends Found {
  /** Of a pending result. */
  readonly flight?: Flight;
}

/** What a header block says to the cache. */
interface ClientFacts {
  readonly via: string | undefined;
  /** The slow path decides: credentials, a loop. */
  readonly isSpecial: boolean;
}

/** Creates the responder. @param waitLimiter shared with the slow path */
export function createEdgeResponder(
  deps: EdgeResponderDeps,
  waitLimiter: WaitLimiter,
  slowPath: SlowPath,
): HotResponder {
  const { cache, counts, clock, head, ownHosts } = deps;
  const clientAddress = createClientAddress(deps.trustedProxies);
  const connections = new Set<HotConnection<EdgeFound>>();
  const pendingReplies = new PendingReplies();
  const facts = new WeakMap<object, ClientFacts>();
  let isClosing = false;

  const addressOf = (headers: ClientHeaders, socket: Socket) =>
    clientAddress(socket.remoteAddress ?? '', headers.forwardedFor);

  /** Clients send the same header block again and again. */
  function factsOf(client: HotClient): ClientFacts {
    const headers = client.clientHeaders as ClientHeaders;
    const known = facts.get(headers);
    if (known) return known;
    const { rawHeaders } = headers;
    const values = new Map<string, string>();
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) values.set(rawHeaders[i]!.toLowerCase(), rawHeaders[i + 1]!);
    const via = values.get('via');
    const made = { via, isSpecial: values.has('authorization') || isLoop({ via }, deps.name) };
    facts.set(headers, made);
    return made;
  }

  function find(text: string, takesGzip: boolean, client: HotClient): EdgeFound | undefined {
    const target = edgeTargetOf(text);
    if (!target) return undefined;
    const { via, isSpecial } = factsOf(client);
    if (isSpecial) return undefined;
    try {
      const found = cache.find(target, { address: client.clientAddress, via });
      if ('flight' in found) return { flight: found.flight, result: found.flight.pending(found.hasToken) };
      const bornS = Math.floor(found.copy.freshness.bornMs / 1000);
      const result = rawResponseOf(found.copy.reply, head, { takesGzip, isPrivate: found.isPrivate, bornS });
      return result && { result };
    } catch (error) {
      // The slow path meets the same refusal and sends it.
      if (!isRefusal(error)) deps.failed(error, `GET ${target.key}`);
      return undefined;
    }
  }

  const host: ConnectionHost<EdgeFound> = {
    ...slowPath,
    cache: {
      find,
      rawResponseOf(reply, { flight }, takesGzip) {
        const outcome = flight?.outcome;
        if (reply.grows || !outcome || !('reply' in outcome)) return undefined;
        const bornS = Math.floor(outcome.bornMs / 1000);
        return rawResponseOf(reply, head, { takesGzip, isPrivate: outcome.isPrivate, bornS });
      },
    },
    pendingReplies,
    // A page of another site may read what this computer alone can reach only if the slow path allows it.
    isCommon: (headers) =>
      answersTo(ownHosts, headers.hostName) && !(ownHosts !== undefined && headers.isFromForeignPage),
    addressOf,
    nowS: () => Math.floor(clock.nowMs() / 1000),
    startWaiting: (headers, socket) => waitLimiter.acquire(addressOf(headers, socket)),
    served(_, { bodyBytes }, { target, headers }) {
      counts.servedBytes += bodyBytes;
      const mark = target.indexOf('CMCD=');
      const cmcd = mark < 0 ? headers.cmcd : (readCmcd(target.slice(mark), {}) ?? headers.cmcd);
      if (cmcd) counts.cmcd++;
      if (cmcd?.isStarved) counts.starved++;
    },
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

/** Whether an error is an answer, not a bug. */
export function isRefusal(error: unknown): boolean {
  const isOfEdge = error instanceof OriginRefusal || error instanceof PassOn || error instanceof AskAgain;
  return isOfEdge || (error as { name?: unknown } | null)?.name === 'OxbowError';
}
