/**
 * The HTTP server: hot responder, media and API on one port.
 * In: settings and the dependencies of the routes. Out: the server's URL, and `close`.
 */
import type { IncomingMessage, ServerOptions } from 'node:http';
import type { Endpoint } from '../config/address.ts';
import { OxbowError } from '../lib/errors.ts';
import type { Log } from '../observe/log.ts';
import { traceIdOf } from '../observe/traces/trace.ts';
import { withMediaOf, withRequestsOf } from '../serve/ask-first.ts';
import type { ClaimedPort } from '../serve/claimed-port.ts';
import { createAuthenticator } from '../serve/client/authenticate.ts';
import { createForeignPages, type ForeignPages, mediaFields } from '../serve/client/foreign-pages.ts';
import { type OwnHosts, ownHostsOf, refuseOtherHosts } from '../serve/client/host-check.ts';
import { createTraceFilter } from '../serve/client/trace-callers.ts';
import { type Connections, type ConnectionsOptions, openConnections } from '../serve/connections.ts';
import { reportProblem } from '../serve/exchange/problem.ts';
import { hotDepsOf } from '../serve/hot/hot-deps.ts';
import { canSharePorts } from '../serve/hot/listeners.ts';
import { createHotResponder } from '../serve/hot/responder.ts';
import { listenRefusal, urlOf, usualLimits, watchedLimits } from '../serve/listening.ts';
import { OwnMedia } from '../serve/media/media.ts';
import {
  openOwnPorts,
  openThreadPorts,
  type Ports,
  passPortOn,
  type Siblings,
  type ThreadsOptions,
  withSiblings,
} from '../serve/ports.ts';
import type { UnsentLimits } from '../serve/tls/http2-budget.ts';
import {
  type Certificate,
  type CertificateFiles,
  followCertificate,
  readCertificate,
} from '../serve/tls/tls-certificate.ts';
import type { AddToHttp, HttpAdditions, OpenSockets } from './additions.ts';
import { createApi } from './api/api.ts';
import { registerDocAddresses } from './api/doc-addresses.ts';
import type { HttpDeps } from './deps.ts';
import type { EventFilter, EventSubscriber } from './events/event-filter.ts';
import { EventListeners } from './events/listeners.ts';
import { subscriberOf } from './events/subscriber.ts';
import { createEventSockets } from './events/web-socket.ts';
import { registerInterface } from './pages/interface.ts';
import { withFloodGuard } from './route/flood-guard.ts';
import type { Route } from './route/route.ts';
import { createUpgrades, createUpgradeTest, socketRequestOf } from './upgrades.ts';

/** A server that listens. */
export interface HttpServer extends AsyncDisposable {
  /** Its URL, e.g. `http://127.0.0.1:8080`; with a loopback address if it listens on all addresses. */
  readonly url: string;
  readonly port: number;
  /** Bytes of recordings that serving threads keep in memory. */
  readonly blockBytes: number;
  /**
   * Accepts no new requests, answers waiting ones, and destroys connections that are open after 4 s. May be
   * called twice.
   */
  close(): Promise<void>;
}

/** Options of the server. */
export interface HttpOptions {
  /** Port 0 picks a free one. */
  readonly listen: Endpoint;
  readonly deps: HttpDeps;
  /** The table of routes. */
  readonly routes: readonly Route[];
  /** Further answers of features; nothing by default. */
  readonly additions?: readonly AddToHttp[] | undefined;
  /** With a certificate the port speaks HTTPS, by HTTP/1.1 and HTTP/2. */
  readonly tls?: CertificateFiles | undefined;
  /** Serving threads; without, or with one, this thread accepts the connections. */
  readonly threads?: ThreadsOptions | undefined;
  /** The port, if it is open already. */
  readonly claimed?: ClaimedPort | undefined;
  /** Other processes of this server listen on the port too. */
  readonly isShared?: boolean | undefined;
  /** How connections come from the other processes of this server. */
  readonly siblings?: Siblings | undefined;
  /** For tests: shorter timeouts, smaller limits. */
  readonly forTests?:
    | { readonly http1?: Pick<ServerOptions, keyof typeof watchedLimits>; readonly unsent?: UnsentLimits }
    | undefined;
}

const CLOSE_WITHIN_MS = 4000;

/** Who may connect, and how answers differ for them. */
interface ClientChecks {
  readonly certificate: Certificate | undefined;
  /** Undefined: this thread accepts the connections. */
  readonly serving: ThreadsOptions | undefined;
  readonly ownHosts: OwnHosts;
  /** Fields of every answer. */
  readonly head: ReturnType<typeof mediaFields>;
  readonly pages: ForeignPages;
  readonly recognise: ConnectionsOptions['recognise'];
}

/**
 * Starts the server.
 *
 * @throws OxbowError `port-taken` if another program has the port, `bad-setting` if the system does not allow
 *   it or the certificate cannot be used
 */
export async function startHttp(options: HttpOptions): Promise<HttpServer> {
  const { listen, deps, routes, additions = [], tls, threads, claimed } = options;
  const checks: ClientChecks = {
    certificate: tls && (await readCertificate(tls)),
    serving: usable(threads, deps.log),
    ownHosts: ownHostsOf(listen.address, deps),
    head: mediaFields(listen.address, deps),
    pages: createForeignPages(listen.address, tls !== undefined, deps),
    recognise: recogniserOf(deps),
  };
  const { ownHosts, pages, recognise } = checks;
  const added = additions.map((add) => add(deps));
  const connections = openClientConnections(options, checks, added, (request, response) =>
    api.routing(request, response),
  );
  const { server, secure } = connections;
  const listeners = new EventListeners(deps);
  const api = await createApi(deps, server, routes, { added, listeners, pages });
  registerDocAddresses(api);
  await registerInterface(api, deps);
  await api.ready();
  const toEvents = createEventSockets(listeners, authorizeSockets(deps, ownHosts, pages));
  const sockets = added.map(({ sockets: { targetOf, open } }) => ({ targetOf, ...open(ownHosts) }));
  server.on('upgrade', createUpgrades(toEvents, sockets, { ownHosts, others: deps.otherNodes, recognise }));
  // This event starts node's check of `headersTimeout` and `requestTimeout`; a server with serving threads or
  // a claimed port never listens itself.
  if (checks.serving || claimed) server.emit('listening');
  const ports = await openPorts(options, checks, connections).catch(async (error: NodeJS.ErrnoException) => {
    connections[Symbol.dispose]();
    await api.close();
    throw listenRefusal(error, listen);
  });
  const watching = new AbortController();
  const use = (next: Certificate) => {
    secure?.use(next);
    ports.use(next);
  };
  const following = tls && followCertificate(tls, { use }, checks.certificate!, deps, { signal: watching.signal });
  return new RunningServer({
    url: urlOf(checks.certificate ? 'https' : 'http', listen.address, ports.port),
    ports,
    connections,
    api,
    listeners,
    sockets,
    otherNodes: deps.otherNodes,
    watching,
    following,
  });
}

/** Recognises requests of other nodes, and removes what others may not say of traces; undefined: neither. */
function recogniserOf({ otherNodes, traceCallers = 'any', trustedProxies = [] }: HttpDeps): ClientChecks['recognise'] {
  const forget = createTraceFilter(traceCallers, trustedProxies);
  if (!otherNodes && !forget) return undefined;
  return (request) => {
    const { headers, remoteAddress } = request;
    const sender = otherNodes?.recognise(request);
    forget?.({ headers, remoteAddress, sender });
    return sender;
  };
}

/** @param toApi called only once the server listens */
function openClientConnections(
  { deps, routes, claimed, forTests }: HttpOptions,
  { certificate, serving, ownHosts, head, pages, recognise }: ClientChecks,
  added: readonly HttpAdditions[],
  toApi: ConnectionsOptions['toApi'],
): Connections {
  const { metrics, otherNodes, internalRequests, altSvc } = deps;
  const media = withMediaOf(otherNodes, new OwnMedia(deps, pages));
  return openConnections({
    metrics,
    media,
    toApi: withFloodGuard(deps, routes, withRequestsOf(otherNodes, internalRequests, toApi)),
    ownHosts,
    recognise,
    altSvc,
    openHot: (slowPath) => createHotResponder(hotDepsOf(deps, { ownHosts, head }), media.waitLimiter, slowPath),
    limits: {
      ...usualLimits,
      shouldUpgradeCallback: createUpgradeTest(added.map(({ sockets }) => sockets)),
      ...watchedLimits,
      ...forTests?.http1,
    },
    unsent: forTests?.unsent,
    certificate,
    acceptsHere: serving === undefined || claimed !== undefined,
  });
}

/** Opens the port: of this thread, of the serving threads, or first the one and then the others. */
async function openPorts(
  { listen, deps, claimed, isShared = false, siblings }: HttpOptions,
  { certificate, serving, ownHosts, head }: ClientChecks,
  { server, open }: Connections,
): Promise<Ports> {
  if (!serving) {
    const ports = await openOwnPorts(server, listen, { claimed, isShared });
    return siblings ? withSiblings(ports, siblings, { server, open }) : ports;
  }
  const openThreads = () =>
    openThreadPorts(serving, deps, {
      certificate,
      ownHosts,
      head,
      open,
      isShared: claimed !== undefined,
      listen: claimed ? { ...listen, port: claimed.port } : listen,
    });
  if (!claimed) return openThreads();
  const failed = (error: unknown) => reportProblem(error, 'serving threads', traceIdOf(undefined), deps);
  return passPortOn(server, claimed, openThreads, failed);
}

/** The resources of a listening server. */
interface ServerParts extends Pick<HttpServer, 'url'>, Pick<HttpDeps, 'otherNodes'> {
  readonly ports: Ports;
  readonly connections: Connections;
  readonly api: Awaited<ReturnType<typeof createApi>>;
  readonly listeners: EventListeners;
  /** Of features. */
  readonly sockets: readonly OpenSockets[];
  /** Ends `following`, which follows the files of the certificate. */
  readonly watching: AbortController;
  readonly following: Promise<void> | undefined;
}

class RunningServer implements HttpServer {
  readonly url: string;
  readonly port: number;
  readonly #parts: ServerParts;
  #closing: Promise<void> | undefined;

  constructor(parts: ServerParts) {
    this.#parts = parts;
    this.url = parts.url;
    this.port = parts.ports.port;
  }

  get blockBytes(): number {
    return this.#parts.ports.blockBytes;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const { ports, connections, api, listeners, sockets, otherNodes, watching, following } = this.#parts;
    watching.abort();
    const closed = ports.leave();
    listeners.close();
    for (const each of sockets) each.close();
    // Not 404, as when a source ends: the stream continues in the next process, and players retry after
    // a 503.
    const reason = new OxbowError('not-ready', 'oxbow is stopping.', { extra: { retryAfterSeconds: 5 } });
    otherNodes?.leave(reason);
    const left = connections.leave(reason);
    const late = setTimeout(() => {
      connections.destroy();
      for (const each of sockets) each.destroy();
      ports.destroy();
    }, CLOSE_WITHIN_MS);
    await left;
    await closed;
    clearTimeout(late);
    await following;
    for (const each of sockets) each.destroy();
    await ports.close();
    connections[Symbol.dispose]();
    await api.close();
  }
}

/** The serving threads, if there is more than one and the system lets them share a port. */
function usable(threads: ThreadsOptions | undefined, log: Log): ThreadsOptions | undefined {
  if (!threads || threads.count <= 1) return undefined;
  if (canSharePorts) return threads;
  log.warn({ threads: threads.count }, 'this system does not let threads share a port: using one');
  return undefined;
}

/** Authorizes subscribers over WebSocket; the function throws a refusal. */
function authorizeSockets(deps: HttpDeps, ownHosts: OwnHosts, pages: ForeignPages) {
  const authenticator = createAuthenticator(deps);
  return async (message: IncomingMessage, token: string | undefined, filter: EventFilter): Promise<EventSubscriber> => {
    const request = socketRequestOf(message);
    refuseOtherHosts(ownHosts, request);
    await authenticator.lookUp(request);
    authenticator.tryToken(request);
    await deps.access.watch.admit(token, deps.clock.nowMs());
    pages.refuseForeign(request, { stream: filter.stream, token });
    return subscriberOf({ ...deps, authenticator }, request, token, filter);
  };
}
