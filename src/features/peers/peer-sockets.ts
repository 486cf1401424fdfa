/**
 * The WebSockets of viewers who share segments: who may connect, how many, and which streams they are of.
 * In: requests to upgrade. Out: connections until either side ends them, swarms. docs/4-watch/peers.md.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ServerOptions, WebSocketServer } from 'ws';
import { bucketOwner, type LimitedClient, type RateLimits } from '../../accounts/rate-limit.ts';
import { streamUnknown } from '../../api/stream/stream-refusals.ts';
import type { OpenSockets } from '../../http/additions.ts';
import type { HttpDeps } from '../../http/deps.ts';
import { socketRequestOf } from '../../http/upgrades.ts';
import { dropOldest } from '../../lib/drop-oldest.ts';
import { OxbowError } from '../../lib/errors.ts';
import { RefusalLog } from '../../observe/refusal-log.ts';
import { createAuthenticator } from '../../serve/client/authenticate.ts';
import { type OwnHosts, refuseOtherHosts } from '../../serve/client/host-check.ts';
import { type CloseReason, type PeerClient, PeerConnection, type PeerHost } from './peer-connection.ts';
import { MAX_PEER_MESSAGE } from './peer-message.ts';
import type { PeerLimits } from './settings.ts';
import { Swarm } from './swarm.ts';

/** Connections are looked at this often: whether their stream still permits it, ms. */
const LOOK_MS = 5000;
/** Looks between two pings. */
const LOOKS_PER_PING = 5;
/** A network whose viewers are reported from this many networks is disconnected from the stream. */
const MOST_REPORTS = 3;
/** It does not connect to the stream for this long, ms. Reports count for as long. */
const BARRED_MS = 600_000;
/** Networks that are remembered, of those that are reported and of those that do not connect. */
const MOST_BARRED = 1000;
/** A client that does not answer the end of its connection within this is cut off, ms. */
const CLOSE_WITHIN_MS = 2000;

/** What the feature decides. */
export interface PeerRules {
  /** Undefined: there is no such stream, or it is for some only. */
  stateOf(stream: string): 'open' | 'off' | undefined;
  limits(): PeerLimits;
}

type SocketDeps = Pick<HttpDeps, 'clock' | 'metrics' | 'log'>;

/** The connections of a process. */
export class PeerSockets implements Disposable {
  readonly #rules: PeerRules;
  readonly #deps: SocketDeps;
  readonly #host: PeerHost;
  readonly #server: WebSocketServer;
  readonly #connections = new Set<PeerConnection>();
  readonly #byStream = new Map<string, number>();
  readonly #byNetwork = new Map<string, number>();
  /** By stream and name. */
  readonly #swarms = new Map<string, Swarm>();
  /**
   * The networks that have reported a network, by stream and reported network: a viewer that comes again by
   * another id stays reported.
   */
  readonly #reports = new Map<string, { readonly by: Set<string>; readonly sinceMs: number }>();
  /** Networks of peers that lied, by stream and network, with the time until when, ms. */
  readonly #barred = new Map<string, number>();
  readonly #refusals: RefusalLog;
  #sweep: NodeJS.Timeout | undefined;
  #looks = 0;
  #isClosed = false;

  constructor(rules: PeerRules, deps: SocketDeps) {
    this.#rules = rules;
    this.#deps = deps;
    const { metrics, clock } = deps;
    // The types of ws have no `closeTimeout` yet.
    const options: ServerOptions & { readonly closeTimeout: number } = {
      noServer: true,
      perMessageDeflate: false,
      clientTracking: false,
      closeTimeout: CLOSE_WITHIN_MS,
      maxPayload: MAX_PEER_MESSAGE,
    };
    this.#server = new WebSocketServer(options);
    this.#refusals = new RefusalLog(deps, 'connections of viewers who share segments were refused', (code) =>
      metrics.peerRefused.inc({ code }),
    );
    this.#host = {
      nowMs: () => clock.monotonicMs(),
      swarmOf: (stream, name) => this.#swarmOf(stream, name),
      left: (stream, name) => {
        const key = keyOf(stream, name);
        if (this.#swarms.get(key)?.size === 0) this.#swarms.delete(key);
      },
      isOpen: (stream) => rules.stateOf(stream) === 'open',
      passed: (kind, count) => metrics.peerIntroductions.inc({ kind }, count),
      received: (stream, bytes) => metrics.peerBytes.inc({ stream }, bytes),
      lied: (stream, liarNetwork, network) => {
        metrics.peerLies.inc({ stream });
        this.#reported(stream, liarNetwork, network);
      },
      refused: (code) => this.refused(code),
      closed: (connection) => this.#forget(connection),
    };
  }

  /** Connections of a stream. */
  countOf(stream: string): number {
    return this.#byStream.get(stream) ?? 0;
  }

  /**
   * Upgrades a request of a client that was admitted.
   *
   * @throws OxbowError `not-ready`, `stream-unknown`, `peers-off`, `busy`, `limit-reached`
   */
  open(request: IncomingMessage, socket: Duplex, head: Buffer, client: PeerClient): void {
    const { stream, network } = client;
    if (this.#isClosed) throw new OxbowError('not-ready', 'oxbow is stopping.', { extra: { retryAfterSeconds: 5 } });
    assertOpen(this.#rules, stream);
    this.#assertRoom(stream, network);
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      const connection = new PeerConnection(this.#host, webSocket, client);
      this.#connections.add(connection);
      count(this.#byStream, stream, 1);
      count(this.#byNetwork, network, 1);
      this.#deps.metrics.peerConnections.set(this.#connections.size);
      this.#sweep ??= setInterval(() => this.look(), LOOK_MS);
    });
  }

  /** Ends the connections of streams that do not permit it any more, and those that do not answer pings. */
  look(): void {
    const pings = this.#looks++ % LOOKS_PER_PING === 0;
    for (const connection of [...this.#connections]) {
      if (this.#rules.stateOf(connection.stream) !== 'open') connection.close('off');
      else if (pings) connection.ping();
    }
  }

  /** A connection or a message was refused. */
  refused(code: string): void {
    this.#refusals.refused(code);
  }

  /** Ends all connections and accepts no more. May be called twice. */
  close(reason: CloseReason = 'stopping'): void {
    this.#isClosed = true;
    for (const connection of [...this.#connections]) connection.close(reason);
  }

  [Symbol.dispose](): void {
    this.close();
    clearInterval(this.#sweep);
    this.#server.close();
  }

  /** @throws OxbowError `busy`, `limit-reached` */
  #assertRoom(stream: string, network: string): void {
    const { connections, connectionsPerStream, connectionsPerAddress } = this.#rules.limits();
    const busy = (text: string) => new OxbowError('busy', text, { extra: { retryAfterSeconds: 60 } });
    if (this.#connections.size >= connections) throw busy(`${connections} viewers share segments of this server.`);
    if (this.countOf(stream) >= connectionsPerStream) {
      throw busy(`${connectionsPerStream} viewers share segments of ${stream}.`);
    }
    const limit = (text: string) =>
      new OxbowError('limit-reached', text, { extra: { hint: 'The stream plays without other viewers too.' } });
    if ((this.#byNetwork.get(network) ?? 0) >= connectionsPerAddress) {
      throw limit(`Your address has ${connectionsPerAddress} connections to other viewers.`);
    }
    const untilMs = this.#barred.get(keyOf(stream, network));
    if (untilMs !== undefined && untilMs > this.#deps.clock.monotonicMs()) {
      throw limit(`Viewers of ${stream} have reported wrong segments from your address.`);
    }
  }

  #reported(stream: string, liarNetwork: string, network: string): void {
    const key = keyOf(stream, liarNetwork);
    const nowMs = this.#deps.clock.monotonicMs();
    const before = this.#reports.get(key);
    const reports = before && nowMs - before.sinceMs < BARRED_MS ? before : { by: new Set<string>(), sinceMs: nowMs };
    reports.by.add(network);
    this.#reports.delete(key);
    if (reports.by.size < MOST_REPORTS) {
      this.#reports.set(key, reports);
      dropOldest(this.#reports, MOST_BARRED);
      return;
    }
    this.#barred.set(key, nowMs + BARRED_MS);
    dropOldest(this.#barred, MOST_BARRED);
    for (const connection of [...this.#connections]) {
      if (connection.stream === stream && connection.network === liarNetwork) connection.close('lied');
    }
  }

  #swarmOf(stream: string, name: string): Swarm {
    const key = keyOf(stream, name);
    const swarm = this.#swarms.get(key) ?? new Swarm(name);
    this.#swarms.set(key, swarm);
    return swarm;
  }

  #forget(connection: PeerConnection): void {
    if (!this.#connections.delete(connection)) return;
    count(this.#byStream, connection.stream, -1);
    count(this.#byNetwork, connection.network, -1);
    this.#deps.metrics.peerConnections.set(this.#connections.size);
    if (this.#connections.size > 0) return;
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }
}

const keyOf = (stream: string, name: string) => `${stream}/${name}`;

function count(counts: Map<string, number>, key: string, by: 1 | -1): void {
  const now = (counts.get(key) ?? 0) + by;
  if (now > 0) counts.set(key, now);
  else counts.delete(key);
}

/** @throws OxbowError `stream-unknown` as if a restricted stream did not exist; `peers-off` */
export function assertOpen(rules: Pick<PeerRules, 'stateOf'>, stream: string): void {
  const state = rules.stateOf(stream);
  if (state === undefined) throw streamUnknown(stream);
  if (state === 'off') throw new OxbowError('peers-off', `Viewers of ${stream} do not give each other segments.`);
}

/**
 * Takes offers from those of a client's address: who connects again has no more of them.
 *
 * @returns how many of them there were
 */
export function takePeerOffers(limits: RateLimits, client: LimitedClient, wanted: number): number {
  let taken = 0;
  for (; taken < wanted && !limits.isUsedUp('peer-offers', client); taken++) limits.charge('peer-offers', client, 1);
  return taken;
}

/**
 * The upgrades of the feature.
 *
 * @param ownHosts names that this server answers to
 */
export function openPeerUpgrades(sockets: PeerSockets, deps: HttpDeps, ownHosts: OwnHosts): OpenSockets {
  const authenticator = createAuthenticator(deps);
  return {
    open(message, socket, head, stream) {
      try {
        const request = socketRequestOf(message);
        refuseOtherHosts(ownHosts, request);
        const client = authenticator.clientOf(request);
        deps.limits.take('peers', client);
        // The consent was given on a page of this server; a page of another site has none.
        authenticator.refuseForeign(request);
        const takeOffers = (wanted: number) => takePeerOffers(deps.limits, client, wanted);
        sockets.open(message, socket, head, { stream, network: bucketOwner(client), takeOffers });
      } catch (error) {
        if (error instanceof OxbowError) sockets.refused(error.code);
        throw error;
      }
    },
    close: () => sockets.close(),
    destroy: () => sockets[Symbol.dispose](),
  };
}
