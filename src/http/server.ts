/**
 * The HTTP server: the hot responder first, media to its own, everything else to the API; one port, one orderly end.
 * In: settings and what the routes need. Out: an address that answers, and `close`.
 */
import type { IncomingMessage, ServerOptions } from 'node:http';
import { type Endpoint, printEndpoint } from '../config/address.ts';
import { messageOf, OxbowError } from '../lib/errors.ts';
import type { Log } from '../observe/log.ts';
import { createApi } from './api/api.ts';
import { createAuthenticator } from './api/authenticate.ts';
import { registerDocAddresses } from './api/doc-addresses.ts';
import { createForeignPages, type ForeignPages, readableFields } from './api/foreign-pages.ts';
import { type OwnHosts, ownHostsOf, refuseOtherHosts } from './client/host-check.ts';
import { openConnections } from './connections.ts';
import type { HttpDeps } from './deps.ts';
import type { EventFilter, EventSubscriber } from './events/event-filter.ts';
import { EventListeners } from './events/listeners.ts';
import { subscriberOf } from './events/subscriber.ts';
import { createEventSockets, wantsEvents } from './events/web-socket.ts';
import { canSharePorts } from './hot/listeners.ts';
import { createMediaResponder } from './media/media.ts';
import { registerInterface } from './pages/interface.ts';
import { openOwnPorts, openThreadPorts, type ThreadsWish } from './ports.ts';
import type { UnsentLimits } from './tls/http2-budget.ts';
import { type CertificateFiles, readCertificate } from './tls/tls-certificate.ts';
import { followCertificate } from './tls/tls-certificate-follow.ts';

/** A server that answers. */
export interface HttpServer extends AsyncDisposable {
  /** Where it answers, e.g. `http://127.0.0.1:8080`; for an address that means all, one of this computer. */
  readonly url: string;
  readonly port: number;
  /** Bytes of recordings that serving threads keep in memory. */
  readonly blockBytes: number;
  /** Takes no new requests, answers what waits, cuts off what is not done within 4 s. May be called twice. */
  close(): Promise<void>;
}

/** How the server is set up. */
export interface HttpOptions {
  /** Port 0 picks a free one. */
  readonly listen: Endpoint;
  readonly deps: HttpDeps;
  /** With it the port speaks HTTPS, by HTTP/1.1 and HTTP/2. */
  readonly tls?: CertificateFiles | undefined;
  /** Serving threads; without, or where there is one, this thread has the connections. */
  readonly threads?: ThreadsWish | undefined;
  /** For tests: shorter times, smaller bounds. */
  readonly forTests?:
    | { readonly http1?: Pick<ServerOptions, keyof typeof watched>; readonly unsent?: UnsentLimits }
    | undefined;
}

/** Of node:http: how long a head and a whole request may take, and how often that is looked at, ms. */
const watched = { headersTimeout: 15_000, requestTimeout: 60_000, connectionsCheckingInterval: 5000 } as const;

const usualLimits = {
  keepAliveTimeout: 75_000,
  maxHeaderSize: 16 * 1024,
  noDelay: true,
  shouldUpgradeCallback: wantsEvents,
} as const;

const CLOSE_WITHIN_MS = 4000;

/**
 * Starts to listen.
 *
 * @throws OxbowError `port-taken` where another program has the port, `bad-setting` where the system does not allow it or
 *   the certificate cannot be used
 */
export async function startHttp({ listen, deps, tls, threads, forTests }: HttpOptions): Promise<HttpServer> {
  const certificate = tls && (await readCertificate(tls));
  const serving = usable(threads, deps.log);
  const ownHosts = ownHostsOf(listen.address, deps);
  const head = readableFields(listen.address, deps.publicUrl);
  const pages = createForeignPages(listen.address, tls !== undefined, deps);

  const media = createMediaResponder(deps, pages);
  const connections = openConnections({
    deps,
    media,
    toApi: (request, response) => api.routing(request, response),
    ownHosts,
    head,
    limits: { ...usualLimits, ...watched, ...forTests?.http1 },
    unsent: forTests?.unsent,
    certificate,
    isBehindThreads: serving !== undefined,
  });
  const { server, secure } = connections;
  const listeners = new EventListeners(deps);
  const api = await createApi(deps, server, listeners, pages);
  registerDocAddresses(api);
  await registerInterface(api, deps);
  await api.ready();
  server.on('upgrade', createEventSockets(listeners, listenerFor(deps, ownHosts, pages)));
  // Node starts its watch over `headersTimeout` and `requestTimeout` with this event; connections of serving threads come without it.
  if (serving) server.emit('listening');

  const opening = serving
    ? openThreadPorts(serving, deps, { listen, certificate, ownHosts, head, open: connections.open })
    : openOwnPorts(server, listen);
  const ports = await opening.catch(async (error: NodeJS.ErrnoException) => {
    connections[Symbol.dispose]();
    await api.close();
    throw toRefusal(error, listen);
  });
  const watching = new AbortController();
  const following = tls && followCertificate(tls, secure ?? ports, certificate!, deps, { signal: watching.signal });

  const close = async () => {
    watching.abort();
    const closed = ports.leave();
    listeners.close();
    // Not 404, as when a source ends: the stream goes on in the next process, and players try again after a 503.
    const left = connections.leave(
      new OxbowError('not-ready', 'oxbow is ending.', { extra: { retryAfterSeconds: 5 } }),
    );
    const late = setTimeout(() => {
      connections.destroy();
      ports.destroy();
    }, CLOSE_WITHIN_MS);
    await left;
    await closed;
    clearTimeout(late);
    await following;
    await ports.close();
    connections[Symbol.dispose]();
    await api.close();
  };
  let closing: Promise<void> | undefined;
  const closeOnce = () => {
    closing ??= close();
    return closing;
  };
  return {
    url: urlOf(certificate ? 'https' : 'http', listen.address, ports.port),
    port: ports.port,
    get blockBytes() {
      return ports.blockBytes;
    },
    close: closeOnce,
    [Symbol.asyncDispose]: closeOnce,
  };
}

/** Serving threads where there is more than one and they can share a port. */
function usable(threads: ThreadsWish | undefined, log: Log): ThreadsWish | undefined {
  if (!threads || threads.count <= 1) return undefined;
  if (canSharePorts) return threads;
  log.warn({ threads: threads.count }, 'this system gives a port to one thread: one serves');
  return undefined;
}

/** Decides who may listen to events over a WebSocket; refuses all others. */
function listenerFor(deps: HttpDeps, ownHosts: OwnHosts, pages: ForeignPages) {
  const authenticator = createAuthenticator(deps);
  return (
    { method = '', headers, socket }: IncomingMessage,
    token: string | undefined,
    filter: EventFilter,
  ): EventSubscriber => {
    const request = { method, headers, remoteAddress: socket.remoteAddress ?? '', secure: 'encrypted' in socket };
    refuseOtherHosts(ownHosts, headers);
    authenticator.tryToken(request);
    pages.refuseForeign(request, { stream: filter.stream, token });
    return subscriberOf({ ...deps, authenticator }, request, token, filter);
  };
}

function toRefusal(error: NodeJS.ErrnoException, endpoint: Endpoint): OxbowError {
  const { address, port } = endpoint;
  if (error.code === 'EADDRINUSE') {
    return new OxbowError('port-taken', `Port ${port} on ${address} is taken by another program.`, {
      cause: error,
      extra: { hint: `Stop that program, or choose another port: oxbow --http ${port + 1 > 65_535 ? 8080 : port + 1}` },
    });
  }
  const hint =
    error.code === 'EACCES'
      ? 'Ports below 1024 need special rights; choose a higher one: oxbow --http 8080'
      : 'Give an address of this computer: oxbow --listen 127.0.0.1, or --listen 0.0.0.0 for all of them.';
  return new OxbowError('bad-setting', `Cannot listen on ${printEndpoint(endpoint)}: ${messageOf(error)}.`, {
    cause: error,
    extra: { hint },
  });
}

function urlOf(scheme: 'http' | 'https', address: string, port: number): string {
  const shown = address === '0.0.0.0' ? '127.0.0.1' : address === '::' ? '::1' : address;
  return `${scheme}://${printEndpoint({ address: shown, port })}`;
}
