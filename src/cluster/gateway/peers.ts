/**
 * The connections of this node to the others: for each, an origin with a cache of its media, and a
 * passer for everything else.
 * In: nodes of the placement. Out: peers, opened when they are needed. docs/decisions/0055.
 */
import type { WatchTokens } from '../../accounts/watch-tokens.ts';
import { createMemory, EdgeCache } from '../../edge/cache/edge-cache.ts';
import { EdgeCounts } from '../../edge/edge-counts.ts';
import { createEdgeFinder, type EdgeFinder } from '../../edge/edge-finder.ts';
import { EdgeMedia } from '../../edge/edge-media.ts';
import { openOrigin } from '../../edge/origin.ts';
import { Passer } from '../../edge/pass-on.ts';
import { TokenGate } from '../../edge/token-gate.ts';
import type { Clock } from '../../lib/clock.ts';
import { dropOldest } from '../../lib/drop-oldest.ts';
import { OxbowError } from '../../lib/errors.ts';
import { createNet } from '../../net/net.ts';
import type { Log } from '../../observe/log.ts';
import type { Telemetry } from '../../observe/traces/telemetry.ts';
import { createAddressOf, createProxyCheck } from '../../serve/client/client-address.ts';
import { countryFields, createCountryOf } from '../../serve/client/client-country.ts';
import { readForwarded } from '../../serve/client/forwarded.ts';
import type { MediaResponder } from '../../serve/media/media.ts';
import type { WaitLimiter } from '../../serve/wait-limiter.ts';
import type { NodeView, Placement } from '../placement/placement.ts';
import { NODE_HEADER, type NodeSignature, type SignedRequest } from '../requests/node-signature.ts';

/** Connections for media to one node: each held reload has one. */
const MAX_SOCKETS = 4096;
/** Largest object that is kept. At most an eighth of the memory. */
const MAX_OBJECT_BYTES = 64 * 1024 * 1024;
/**
 * How long an answer of the owner about a playback token holds, ms: a revocation takes this long on the other
 * nodes.
 */
const RECHECK_MS = 5000;
/** How long copies answer while their owner does not, ms. */
const STALE_MS = 30_000;
/** A node of the same cluster is near: a connection that takes longer is none, ms. */
const CONNECT_MS = 2000;
/** A node that has died since then may still own listed things: others take it over within seconds, ms. */
const DIED_MS = 60_000;
/** Names of nodes that are remembered. */
const MAX_NAMES = 1000;
/** How often peers are compared with the nodes, ms. */
const LOOK_MS = 1000;

/** Another node. */
interface Peer {
  readonly name: string;
  readonly url: string;
  readonly media: MediaResponder;
  readonly cache: EdgeCache;
  readonly finder: EdgeFinder;
  readonly passer: Passer;
}

/** Dependencies of peers. */
export interface PeersOptions {
  readonly placement: Pick<Placement, 'node' | 'others'>;
  readonly signature: Pick<NodeSignature, 'sign'>;
  /** Most bytes of copies of media of all other nodes. */
  readonly memoryBytes: number;
  /**
   * Reads playback tokens by the secret that all nodes share; undefined: each token is a question to its
   * owner.
   */
  readonly tokens: Pick<WatchTokens, 'read'> | undefined;
  readonly trustedProxies: readonly string[];
  /** Header field in which they report the country of a client, in lower case; empty: none. */
  readonly countryHeader: string;
  /** Clients come by HTTPS. */
  readonly isSecure: boolean;
  /** Fields of every answer to a request for media. */
  readonly head: Readonly<Record<string, string>>;
  /** Only this computer can reach this node. */
  readonly isGuarded: boolean;
  readonly clock: Clock;
  readonly log: Log;
  /** Spans of passed requests; none by default. */
  readonly telemetry?: Pick<Telemetry, 'begin' | 'ended'> | undefined;
  /** Called with a bug. */
  failed(error: unknown, where: string): void;
  /** Called when a node did not answer. */
  onUnanswered(node: string): void;
}

interface OpenPeer extends Peer {
  readonly opened: AsyncDisposableStack;
}

export class Peers implements AsyncDisposable {
  readonly counts = new EdgeCounts();
  readonly #options: PeersOptions;
  readonly #waitLimiter: WaitLimiter;
  readonly #memory;
  readonly #gate: TokenGate;
  readonly #peers = new Map<string, OpenPeer>();
  readonly #closing = new Set<Promise<void>>();
  /** When each node was alive last, monotonic ms. */
  readonly #aliveMs = new Map<string, number>();
  readonly #looking: NodeJS.Timeout;

  /** @param waitLimiter of requests that wait for other nodes */
  constructor(options: PeersOptions, waitLimiter: WaitLimiter) {
    this.#options = options;
    this.#waitLimiter = waitLimiter;
    this.#memory = createMemory(options.memoryBytes, this.counts);
    const { tokens, clock } = options;
    this.#gate = new TokenGate({ tokens, recheckMs: RECHECK_MS, staleMs: STALE_MS, nowMs: () => clock.nowMs() });
    this.#looking = setInterval(() => this.#look(), LOOK_MS).unref();
  }

  /** Bytes and number of the copies of media. */
  get memory(): { readonly bytes: number; readonly objects: number } {
    return { bytes: this.#memory.bytes, objects: this.#memory.size };
  }

  /** The peer for a node. */
  of(view: NodeView): Peer {
    const openPeer = this.#peers.get(view.name);
    if (openPeer?.url === view.url.href) return openPeer;
    if (openPeer) this.#close(openPeer);
    const peer = this.#open(view);
    this.#peers.set(view.name, peer);
    return peer;
  }

  /** Whether a node was alive a moment ago and is not any more. */
  hasJustDied({ name, isAlive }: NodeView): boolean {
    const lastMs = this.#aliveMs.get(name);
    return !isAlive && lastMs !== undefined && this.#options.clock.monotonicMs() - lastMs < DIED_MS;
  }

  /** Requests that wait for media of a stream or asset are refused: it has another owner. */
  giveUp(name: string): void {
    for (const { cache } of this.#peers.values()) cache.giveUp((object) => object.name === name);
  }

  /** Drops copies of media, of whichever node. @returns number of dropped copies */
  async purge(isMeant: (object: { readonly key: string; readonly name: string }) => boolean): Promise<number> {
    const counts = await Promise.all(Array.from(this.#peers.values(), ({ cache }) => cache.purge(isMeant)));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** Ends WebSockets that were passed on: this node stops. */
  leave(): void {
    for (const { passer } of this.#peers.values()) passer.leave();
  }

  /** Ends all connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#looking);
    for (const peer of this.#peers.values()) this.#close(peer);
    await Promise.all(this.#closing);
  }

  #open({ name, url }: NodeView): OpenPeer {
    const { placement, signature, clock, log, isSecure, trustedProxies, countryHeader, ...options } = this.#options;
    const opened = new AsyncDisposableStack();
    const addressOf = createAddressOf(trustedProxies);
    const countryOf = createCountryOf(trustedProxies, countryHeader);
    const isProxy = createProxyCheck(trustedProxies);
    const shared = {
      name: `oxbow-node-${placement.node}`,
      sign: (request: SignedRequest) => ({ [NODE_HEADER]: signature.sign(name, request) }),
      unanswered(cause?: unknown) {
        options.onUnanswered(name);
        return nodeUnanswered(name, cause);
      },
    };
    const net = createNet({ allow: [], userAgent: 'oxbow-node', maxPerHost: MAX_SOCKETS });
    const origin = opened.use(
      openOrigin({
        ...shared,
        url,
        net,
        clock,
        countryHeader,
        maxBytes: Math.min(MAX_OBJECT_BYTES, Math.floor(options.memoryBytes / 8)),
        isGone: () => !placement.others.some((node) => node.name === name && node.isAlive),
        onDown: (isDown) =>
          log[isDown ? 'warn' : 'info']({ node: name }, isDown ? 'a node does not answer' : 'a node answers again'),
      }),
    );
    const { counts } = this;
    const cache = opened.use(
      new EdgeCache({
        origin,
        gate: this.#gate,
        counts,
        clock,
        memory: this.#memory,
        staleMs: STALE_MS,
        prefetches: true,
      }),
    );
    const passer = opened.use(
      new Passer({
        ...shared,
        origin: url,
        net,
        isSecure,
        isProxy,
        connectMs: CONNECT_MS,
        telemetry: options.telemetry,
        // The owner trusts this node, which knows its own proxies: only the client's address.
        forwardedFields(head) {
          const { headers, remoteAddress } = head;
          const forwarded = isProxy(remoteAddress) ? readForwarded(headers) : undefined;
          return {
            // Fields that a node has sent are never passed on.
            'x-forwarded-for': addressOf({ headers, remoteAddress, sender: undefined }),
            'x-forwarded-host': forwarded?.host ?? String(headers.host ?? headers[':authority'] ?? ''),
            'x-forwarded-proto': forwarded?.proto ?? (isSecure ? 'https' : 'http'),
            ...countryFields(countryHeader, countryOf({ headers, remoteAddress, sender: undefined })),
          };
        },
      }),
    );
    const { head, isGuarded, failed } = options;
    const answering = { cache, counts, name: shared.name, head, failed };
    const media = new EdgeMedia({ ...answering, passer, clock, addressOf, countryOf, isGuarded }, this.#waitLimiter);
    return { name, url: url.href, media, cache, finder: createEdgeFinder(answering), passer, opened };
  }

  /** Peers of nodes that are gone are closed; requests that wait for a dead one are refused. */
  #look(): void {
    const { placement, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    for (const { name, isAlive } of placement.others) if (isAlive) this.#aliveMs.set(name, nowMs);
    dropOldest(this.#aliveMs, MAX_NAMES);
    for (const peer of this.#peers.values()) {
      const view = placement.others.find((node) => node.name === peer.name);
      if (!view) {
        this.#peers.delete(peer.name);
        this.#close(peer);
      } else if (!view.isAlive) {
        peer.cache.giveUp(() => true);
        peer.passer.cut();
      }
    }
  }

  #close({ name, passer, opened }: OpenPeer): void {
    passer.cut();
    const closed = opened
      .disposeAsync()
      .catch((error) => this.#options.failed(error, `closing the connections to node ${name}`))
      .finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
  }
}

/** The refusal of a client whose request the owner does not answer. */
export function nodeUnanswered(node: string, cause?: unknown): OxbowError {
  return new OxbowError('not-ready', `The node ${node}, which has this, does not answer.`, {
    ...(cause !== undefined && { cause }),
    extra: { retryAfterSeconds: 1, node },
  });
}
