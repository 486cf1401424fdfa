/**
 * The hot responder: every connection of HTTP/1.1 begins here, and leaves only for what is unusual.
 * In: sockets, plain or TLS. Out: answers; counts of them. docs/media.md 27, 28; docs/decisions/0012-the-hot-responder.md.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type LiveAddress, mediaClassOf, printMediaAddress } from '../../api/media-address.ts';
import type { LiveLookup } from '../../delivery/live/live-lookup.ts';
import type { Viewers } from '../../delivery/viewers.ts';
import { OxbowError } from '../../lib/errors.ts';
import { createClientAddress } from '../client/client-address.ts';
import { readCmcd } from '../client/cmcd.ts';
import { answersTo, type OwnHosts } from '../client/host-check.ts';
import { viewerKey } from '../client/viewer-key.ts';
import type { WaitLimiter } from '../wait-limiter.ts';
import { type ConnectionHost, HotConnection } from './connection.ts';
import { PendingReplies } from './pending-replies.ts';
import type { RawResponse } from './raw-response.ts';
import type { ClientHeaders } from './request-head.ts';
import { type HotResponse, ResponseCache } from './response-cache.ts';

/** What was answered of one class of address. */
export interface Served {
  answers: number;
  /** Of bodies. */
  bytes: number;
  /** In how many the player told of itself. */
  cmcd: number;
}

/** Counts for people. */
export interface HotCounts {
  /** @param kind class of the address */
  served(kind: string, served: Readonly<Served>): void;
  /** An answer that was waited for. */
  waited(kind: string, seconds: number): void;
  /** A player had nothing left to play. */
  starved(): void;
  /** Bytes of media that are kept ready. */
  ready(bytes: number): void;
  /** Calls `flush` before counts are read: a counter with labels costs as much as a tenth of an answer. Returns how to stop. */
  beforeRead(flush: () => void): () => void;
}

/** What answers are made from: a serving thread has no more than this. */
export interface HotDeps {
  readonly lookup: LiveLookup;
  /** Whether not everyone may watch the stream. */
  isPrivate(stream: string): boolean;
  /** Whether the token before a path is valid for it. */
  mayWatch(token: string, address: LiveAddress): boolean;
  readonly viewers: Pick<Viewers, 'seen'>;
  readonly counts: HotCounts;
  readonly trustedProxies: readonly string[];
  readonly ownHosts: OwnHosts;
  /** Fields of every answer. */
  readonly head: Readonly<Record<string, string>>;
  readonly clock: { nowMs(): number; monotonicMs(): number };
  /** Told of a mistake of ours. */
  failed(error: unknown, where: string): void;
}

/** What connections are given to. */
export interface Handlers {
  onRequest(request: IncomingMessage, response: ServerResponse): void;
  refuse(request: IncomingMessage, response: ServerResponse, reason: unknown): void;
  handOver(socket: Socket): void;
}

/** Takes connections. */
export interface HotResponder extends Disposable {
  open(socket: Socket): void;
  /** From now on no connection stays for another request; those that rest are closed, those that wait get the refusal. */
  leave(reason: OxbowError): void;
  /** Cuts off every connection. */
  destroy(): void;
}

/** What a player is known by, as long as it says the same of itself. */
interface Known {
  readonly session: string | undefined;
  readonly headers: ClientHeaders;
  readonly key: string;
}

/** @param waitLimiter how many may wait, shared with what waits elsewhere */
export function createHotResponder(deps: HotDeps, waitLimiter: WaitLimiter, handlers: Handlers): HotResponder {
  const { counts, viewers, clock } = deps;
  const clientAddress = createClientAddress(deps.trustedProxies);
  const connections = new Set<HotConnection>();
  const known = new WeakMap<Socket, Known>();
  const pendingReplies = new PendingReplies();
  const cache = new ResponseCache({
    lookup: deps.lookup,
    isOpen: (name) => !deps.isPrivate(name),
    mayWatch: (token, address) => deps.mayWatch(token, address),
    head: deps.head,
    failed(error, address) {
      // The slow path meets the same refusal and sends it; a bug may be in this path alone.
      if (!(error instanceof OxbowError)) deps.failed(error, `GET ${printMediaAddress(address)}`);
    },
    nowMs: () => clock.monotonicMs(),
  });
  /** By class, since they were told last. */
  const sums = new Map<string, Served>();
  const forgetCounts = counts.beforeRead(() => {
    for (const [kind, sum] of sums) counts.served(kind, sum);
    sums.clear();
    counts.ready(cache.bytes);
  });
  let isClosing = false;

  const addressOf = (headers: ClientHeaders, socket: Socket) =>
    clientAddress(socket.remoteAddress ?? '', headers.forwardedFor);

  function keyOf(session: string | undefined, headers: ClientHeaders, socket: Socket): string {
    const last = known.get(socket);
    if (last && last.session === session && last.headers === headers) return last.key;
    const key = viewerKey(session, () => addressOf(headers, socket), headers.userAgent);
    known.set(socket, { session, headers, key });
    return key;
  }

  function served(
    { address }: HotResponse,
    { bodyBytes }: RawResponse,
    { target, headers, socket, waitedMs }: { target: string; headers: ClientHeaders; socket: Socket; waitedMs: number },
  ): void {
    const kind = mediaClassOf(address);
    let sum = sums.get(kind);
    if (!sum) {
      sum = { answers: 0, bytes: 0, cmcd: 0 };
      sums.set(kind, sum);
    }
    sum.answers++;
    sum.bytes += bodyBytes;
    if (waitedMs > 0) counts.waited(kind, waitedMs / 1000);
    const mark = target.indexOf('CMCD=');
    const cmcd = mark < 0 ? headers.cmcd : (readCmcd(target.slice(mark), {}) ?? headers.cmcd);
    if (cmcd) sum.cmcd++;
    if (cmcd?.isStarved) counts.starved();
    // Probes and previews request Multivariant Playlists too.
    if (address.kind === 'index') return;
    const isAnonymous = cmcd?.session === undefined;
    viewers.seen(address.stream, keyOf(cmcd?.session, headers, socket), isAnonymous ? address : undefined);
  }

  const host: ConnectionHost = {
    ...handlers,
    cache,
    pendingReplies,
    // What a page of another site may read depends on more than is known here.
    isUsual: (headers) =>
      answersTo(deps.ownHosts, headers.hostName) && !(deps.ownHosts !== undefined && headers.isFromForeignPage),
    nowS: () => Math.floor(clock.nowMs() / 1000),
    mayWait: (headers, socket) => waitLimiter.acquire(addressOf(headers, socket)),
    served,
    get isClosing() {
      return isClosing;
    },
  };

  return {
    open(socket) {
      const connection = new HotConnection(socket, host, () => connections.delete(connection));
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
    [Symbol.dispose]() {
      forgetCounts();
      cache[Symbol.dispose]();
    },
  };
}
