/**
 * The hot responder: accepts all HTTP/1.1 connections and answers live requests without fastify and without
 * node:http's parser.
 * In: sockets, plain or TLS. Out: responses and counters; other requests go to the slow path (`SlowPath`).
 * docs/media.md 27, 28; docs/decisions/0012-the-hot-responder.md.
 */
import type { Socket } from 'node:net';
import { mediaClassOf, parseMediaAddress, printMediaAddress } from '../../api/media-address.ts';
import { splitTarget } from '../../api/signed-path.ts';
import type { Viewers } from '../../delivery/viewers.ts';
import { OxbowError } from '../../lib/errors.ts';
import { createClientAddress } from '../client/client-address.ts';
import { createHotCountryOf } from '../client/client-country.ts';
import { cmcdTextOf, readCmcd, readReport } from '../client/cmcd.ts';
import { answersTo, type OwnHosts } from '../client/host-check.ts';
import { viewerKey } from '../client/viewer-key.ts';
import type { ElsewhereFound, HotElsewhere } from '../other-nodes.ts';
import type { WaitLimiter } from '../wait-limiter.ts';
import { type ConnectionHost, HotConnection, type ResponseFinder, type SlowPath } from './connection.ts';
import { PendingReplies } from './pending-replies.ts';
import { acceptedResponse, type RawResponse } from './raw-response.ts';
import type { ClientHeaders } from './request-head.ts';
import { type HotResponse, ResponseCache, type ResponseCacheOptions } from './response-cache.ts';

/** Responses of one class of media. */
export interface Served {
  answers: number;
  /** Bytes of bodies. */
  bytes: number;
  /** Requests with CMCD. */
  cmcd: number;
}

/** Counters of a responder. */
export interface HotCounts {
  /** @param kind class of the media */
  served(kind: string, served: Readonly<Served>): void;
  /** Duration of a response that was pending. */
  waited(kind: string, seconds: number): void;
  /** A player reported an empty buffer (CMCD `bs`). */
  starved(): void;
  /** Gauge: bytes of cached media. */
  ready(bytes: number): void;
  /**
   * Calls `flush` before counters are read, since a labelled counter costs a tenth of a response. Returns how
   * to stop.
   */
  beforeRead(flush: () => void): () => void;
}

/** Dependencies of a responder. */
export interface HotDeps extends Omit<ResponseCacheOptions, 'failed' | 'nowMs'> {
  readonly viewers: Pick<Viewers, 'seen' | 'reported' | 'requested'>;
  readonly counts: HotCounts;
  /** In a cluster: what other nodes answer. */
  readonly elsewhere?: HotElsewhere | undefined;
  readonly trustedProxies: readonly string[];
  /** Header field of trusted proxies with the country of a client, in lower case; empty: none. */
  readonly countryHeader: string;
  readonly ownHosts: OwnHosts;
  readonly clock: { nowMs(): number; monotonicMs(): number };
  /** Called with a bug. */
  failed(error: unknown, where: string): void;
}

/** Owner of the HTTP/1.1 connections of a thread. */
export interface HotResponder extends Disposable {
  open(socket: Socket): void;
  /** Stops keep-alive: closes idle connections and refuses pending requests with `reason`. */
  leave(reason: OxbowError): void;
  /** Destroys all connections. */
  destroy(): void;
}

/** The result for a target. */
type HotFound = HotResponse | ElsewhereFound;

/** The viewer key of a connection, valid for the same session and headers. */
interface KnownViewer {
  readonly session: string | undefined;
  readonly headers: ClientHeaders;
  readonly key: string;
}

/** The keys of viewers, by their connection and what they send. */
class ViewerKeys {
  readonly addressOf: ConnectionHost<HotFound>['addressOf'];
  readonly #viewers = new WeakMap<Socket, KnownViewer>();

  constructor(trustedProxies: readonly string[]) {
    const clientAddress = createClientAddress(trustedProxies);
    this.addressOf = (headers, socket) => clientAddress(socket.remoteAddress ?? '', headers.forwardedFor);
  }

  of(session: string | undefined, headers: ClientHeaders, socket: Socket): string {
    const last = this.#viewers.get(socket);
    if (last && last.session === session && last.headers === headers) return last.key;
    const key = viewerKey(session, this.addressOf(headers, socket), headers.userAgent);
    this.#viewers.set(socket, { session, headers, key });
    return key;
  }
}

/** The CMCD of a connection is read this often for insight, ms. */
const NOTED_EVERY_MS = 4000;

/** Counts responses and viewers. Its functions are called with every response. */
class ServedResponses implements Disposable {
  readonly #deps: HotDeps;
  readonly #cache: ResponseCache;
  readonly #keys: ViewerKeys;
  /** By class, since the last flush. */
  readonly #pending = new Map<string, Served>();
  readonly #accepted: RawResponse;
  /** When the CMCD of a connection was read. */
  readonly #noted = new WeakMap<Socket, number>();
  readonly #stopFlushing: () => void;

  constructor(deps: HotDeps, cache: ResponseCache, keys: ViewerKeys) {
    this.#deps = deps;
    this.#cache = cache;
    this.#keys = keys;
    this.#accepted = acceptedResponse(deps.head);
    this.#stopFlushing = deps.counts.beforeRead(() => this.#flush());
  }

  readonly served: ConnectionHost<HotFound>['served'] = (
    match,
    { bodyBytes },
    { target, headers, socket, waitedMs },
  ) => {
    const { counts, viewers, elsewhere } = this.#deps;
    if ('isElsewhere' in match) {
      elsewhere?.served(match, bodyBytes, target, headers.cmcd);
      return;
    }
    const { address } = match;
    const kind = mediaClassOf(address);
    let sum = this.#pending.get(kind);
    if (!sum) {
      sum = { answers: 0, bytes: 0, cmcd: 0 };
      this.#pending.set(kind, sum);
    }
    sum.answers++;
    sum.bytes += bodyBytes;
    if (waitedMs > 0) counts.waited(kind, waitedMs / 1000);
    const mark = target.indexOf('CMCD=');
    const cmcd = mark < 0 ? headers.cmcd : (readCmcd(target.slice(mark), {}) ?? headers.cmcd);
    if (cmcd) sum.cmcd++;
    if (cmcd?.isStarved) counts.starved();
    // Probes and previews request Multivariant Playlists and manifests too.
    if (address.kind === 'index' || address.kind === 'manifest') return;
    const isAnonymous = cmcd?.session === undefined;
    viewers.seen(address.stream, this.#keys.of(cmcd?.session, headers, socket), isAnonymous ? address : undefined);
    if (cmcd && !isAnonymous) this.#noteCmcd(address.stream, cmcd.isStarved, { target, headers, socket });
  };

  /** For insight: a player says the same again and again, so not each request is read. */
  #noteCmcd(
    stream: string,
    isStarved: boolean,
    { target, headers, socket }: { readonly target: string; readonly headers: ClientHeaders; readonly socket: Socket },
  ): void {
    const nowMs = this.#deps.clock.monotonicMs();
    if (!isStarved && nowMs - (this.#noted.get(socket) ?? Number.NEGATIVE_INFINITY) < NOTED_EVERY_MS) return;
    this.#noted.set(socket, nowMs);
    const { hostName: host, isOptedOut } = headers;
    this.#deps.viewers.requested(stream, {
      cmcd: cmcdTextOf(target.split('?', 2)[1] ?? '', headers.cmcdFields),
      address: this.#keys.addressOf(headers, socket),
      country: undefined,
      host,
      isOptedOut,
    });
  }

  readonly report: ConnectionHost<HotFound>['report'] = (target, headers, socket, client) => {
    const { token, path, query } = splitTarget(target);
    const address = parseMediaAddress(path);
    if (
      address?.kind !== 'session' ||
      !this.#cache.mayWatch({ kind: 'index', stream: address.stream }, token, client)
    ) {
      return undefined;
    }
    const cmcd = new URLSearchParams(query).get('CMCD') ?? '';
    const report = readReport(cmcd);
    if (!report) return undefined;
    const { clientAddress, clientCountry } = client;
    const { hostName, isOptedOut } = headers;
    const text = { cmcd, address: clientAddress, country: clientCountry, host: hostName, isOptedOut };
    this.#deps.viewers.reported(address.stream, this.#keys.of(report.session, headers, socket), { ...report, text });
    return this.#accepted;
  };

  [Symbol.dispose](): void {
    this.#stopFlushing();
  }

  #flush(): void {
    const { counts } = this.#deps;
    for (const [kind, sum] of this.#pending) counts.served(kind, sum);
    this.#pending.clear();
    counts.ready(this.#cache.bytes);
  }
}

/**
 * Creates the responder of a thread.
 *
 * @param waitLimiter limit of pending requests, shared with the slow path
 */
export function createHotResponder(deps: HotDeps, waitLimiter: WaitLimiter, slowPath: SlowPath): HotResponder {
  const { clock, elsewhere } = deps;
  const connections = new Set<HotConnection<HotFound>>();
  const pendingReplies = new PendingReplies();
  const cache = new ResponseCache({
    lookup: deps.lookup,
    sharingOf: deps.sharingOf,
    mayWatch: deps.mayWatch,
    head: deps.head,
    failed(error, address) {
      // The slow path meets the same refusal and sends it; a bug may be only in this path.
      if (!(error instanceof OxbowError)) deps.failed(error, `GET ${printMediaAddress(address)}`);
    },
    nowMs: () => clock.monotonicMs(),
  });
  const keys = new ViewerKeys(deps.trustedProxies);
  const { addressOf } = keys;
  const countryOf = createHotCountryOf(deps.trustedProxies, deps.countryHeader);
  const responses = new ServedResponses(deps, cache, keys);
  let isClosing = false;

  const host: ConnectionHost<HotFound> = {
    ...slowPath,
    cache: elsewhere ? withElsewhere(cache, elsewhere) : (cache as ResponseFinder<HotFound>),
    pendingReplies,
    // Access of foreign pages depends on the stream: the slow path decides.
    isCommon: (headers) =>
      answersTo(deps.ownHosts, headers.hostName) && !(deps.ownHosts !== undefined && headers.isFromForeignPage),
    addressOf,
    countryOf,
    nowS: () => Math.floor(clock.nowMs() / 1000),
    startWaiting: (headers, socket) => waitLimiter.acquire(addressOf(headers, socket)),
    served: responses.served,
    report: responses.report,
    get isClosing() {
      return isClosing;
    },
  };

  return {
    open(socket) {
      const connection = new HotConnection<HotFound>(socket, host, () => connections.delete(connection));
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
      responses[Symbol.dispose]();
      cache[Symbol.dispose]();
    },
  };
}

/** The responses of this node come first. */
function withElsewhere(finder: ResponseFinder<HotResponse>, others: HotElsewhere): ResponseFinder<HotFound> {
  return {
    find: (target, takesGzip, client) =>
      finder.find(target, takesGzip, client) ?? others.find(target, takesGzip, client),
    rawResponseOf: (reply, match, takesGzip) =>
      'isElsewhere' in match
        ? others.rawResponseOf(reply, match, takesGzip)
        : finder.rawResponseOf(reply, match, takesGzip),
  };
}
