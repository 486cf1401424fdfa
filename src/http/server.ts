/**
 * The HTTP server: the hot responder first, media to its own, everything else to the API; one port, one orderly end.
 * In: settings and what the routes need. Out: an address that answers, and `close`.
 */
import type { IncomingMessage, Server, ServerOptions, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type Endpoint, printEndpoint } from '../config/address.ts';
import { messageOf, OxbowError } from '../lib/errors.ts';
import { http } from '../lib/node-http.ts';
import { traceIdOf } from '../observe/trace.ts';
import { createApi } from './api.ts';
import type { HttpDeps } from './deps.ts';
import { registerDocAddresses } from './doc-addresses.ts';
import { hearerOf } from './events/hearer.ts';
import { EventListeners } from './events/listeners.ts';
import { createEventSockets, wantsEvents } from './events/web-socket.ts';
import type { EventWish, Hearer } from './events/wish.ts';
import { type Exchange, exchangeOfHttp1 } from './exchange.ts';
import { createForeignPages, readableFields } from './foreign-pages.ts';
import { ownHostsOf, refuseOtherHosts } from './host-check.ts';
import { hotDepsOf } from './hot/hot-deps.ts';
import { canSharePorts } from './hot/listeners.ts';
import { createHotResponder, type HotResponder } from './hot/responder.ts';
import type { UnsentCounts, UnsentLimits } from './http2-budget.ts';
import { createHttp2Sessions, type Http2Handlers, type Http2Sessions } from './http2-sessions.ts';
import { registerInterface } from './interface.ts';
import { createMediaResponder, mediaTargetOf } from './media.ts';
import { sendPlainProblem } from './media-answer.ts';
import { openOwnPorts, openThreadPorts, type ThreadsWish } from './ports.ts';
import { toProblem } from './problem.ts';
import { takeListener } from './take-listener.ts';
import type { Client } from './threads/preface.ts';
import { type Certificate, type CertificateFiles, readCertificate, watchCertificate } from './tls-certificate.ts';
import { createTlsServer, type TlsServer } from './tls-server.ts';
import { createWho } from './who.ts';

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
  const limits = { ...usualLimits, ...watched, ...forTests?.http1 };
  const pages = createForeignPages(listen.address, tls !== undefined, deps);
  const head = readableFields(listen.address, deps.publicUrl);
  const media = createMediaResponder(deps, pages);
  const certificate = tls && (await readCertificate(tls));
  const open = new Set<ServerResponse>();
  let closing: Promise<void> | undefined;
  let isClosing = false;
  let hot: HotResponder | undefined;
  let server: Server | undefined;
  let secure: TlsServer | undefined;
  let http2: Http2Sessions | undefined;
  const serving = threads && threads.count > 1 && canSharePorts ? threads : undefined;
  if (threads && threads.count > 1 && !canSharePorts)
    deps.log.warn({ threads: threads.count }, 'this system gives a port to one thread: one serves');
  const ownHosts = ownHostsOf(listen.address, deps);
  const accepts = (exchange: Exchange): boolean => {
    try {
      refuseOtherHosts(ownHosts, exchange.headers);
      return true;
    } catch (refusal) {
      exchange.refuseBody();
      sendPlainProblem(exchange, toProblem(refusal, traceIdOf(undefined)));
      return false;
    }
  };
  const listeners = new EventListeners(deps);
  const app = await createApi(
    deps,
    (toApi) => {
      const enter = (response: ServerResponse) => {
        open.add(response);
        response.once('close', () => {
          open.delete(response);
          // Its connection is idle only after this turn.
          if (isClosing) setImmediate(() => server?.closeIdleConnections());
        });
        if (isClosing) response.shouldKeepAlive = false;
      };
      const onRequest = (request: IncomingMessage, response: ServerResponse) => {
        enter(response);
        const exchange = exchangeOfHttp1(request, response);
        if (!accepts(exchange)) return;
        const target = mediaTargetOf(exchange.target);
        if (target) void media.respond(exchange, target);
        else toApi(request, response);
      };
      const openHot = (handOver: (socket: Socket) => void) => {
        hot = createHotResponder(hotDepsOf(deps, { ownHosts, head }), media.held, {
          onRequest,
          refuse(request, response, reason) {
            enter(response);
            media.refuse(exchangeOfHttp1(request, response), reason);
          },
          handOver,
        });
        return hot;
      };
      if (certificate) {
        const handlers: Http2Handlers = {
          accepts,
          media: (exchange, target) => void media.respond(exchange, target),
          // Fastify takes both kinds; its types know the kind it was made for.
          other: (request, response) =>
            toApi(request as unknown as IncomingMessage, response as unknown as ServerResponse),
        };
        const counts: UnsentCounts = {
          unsent: (bytes) => deps.metrics.http2UnsentBytes.set(bytes),
          cut: (reason) => deps.metrics.http2SessionsCut.inc({ reason }),
        };
        http2 = createHttp2Sessions(handlers, counts, forTests?.unsent);
      }
      if (certificate && http2 && !serving) {
        secure = createTlsServer(certificate, limits, onRequest, {
          openHttp1: (socket, toHttp1) => (hot ?? openHot(toHttp1)).open(socket),
          openHttp2: http2.open,
        });
        server = secure.server;
      } else {
        server = http.createServer(limits, onRequest);
        const { open: openHttp1 } = openHot(takeListener<Socket>(server, 'connection'));
        server.on('connection', openHttp1);
      }
      return server;
    },
    listeners,
    pages,
  );
  registerDocAddresses(app);
  await registerInterface(app, deps);
  await app.ready();
  const listening = server!;
  // Node starts its watch over `headersTimeout` and `requestTimeout` with this event; connections of serving threads come without it.
  if (serving) listening.emit('listening');
  const who = createWho(deps);
  const listenerOf = (
    { method = '', headers, socket }: IncomingMessage,
    token: string | undefined,
    wish: EventWish,
  ): Hearer => {
    const asked = { method, headers, remoteAddress: socket.remoteAddress ?? '', secure: 'encrypted' in socket };
    refuseOtherHosts(ownHosts, headers);
    who.tryToken(asked);
    pages.refuseForeign(asked, { stream: wish.stream, token });
    return hearerOf({ ...deps, who }, asked, token, wish);
  };
  listening.on('upgrade', createEventSockets(listeners, listenerOf));
  const openSocket = (socket: Socket, { protocol }: Client) =>
    protocol === 'http2' ? http2?.open(socket) : hot?.open(socket);
  const opening = serving
    ? openThreadPorts(serving, deps, { listen, certificate, ownHosts, head, open: openSocket })
    : openOwnPorts(listening, listen);
  const ports = await opening.catch(async (error: NodeJS.ErrnoException) => {
    hot?.[Symbol.dispose]();
    await app.close();
    throw toRefusal(error, listen);
  });
  const watching = new AbortController();
  const following = tls && follow(tls, secure ?? ports, certificate!, deps, { signal: watching.signal });
  const { port } = ports;
  const close = async () => {
    isClosing = true;
    watching.abort();
    const closed = ports.leave();
    for (const response of open) if (!response.headersSent) response.shouldKeepAlive = false;
    // Not 404, as when a source ends: the stream goes on in the next process, and players try again after a 503.
    listeners.close();
    const ending = new OxbowError('not-ready', 'oxbow is ending.', { extra: { retryAfterSeconds: 5 } });
    media.held.release(ending);
    hot?.leave(ending);
    secure?.leave();
    const goodbye = http2?.close();
    listening.closeIdleConnections();
    const late = setTimeout(() => {
      hot?.destroy();
      listening.closeAllConnections();
      secure?.destroy();
      ports.destroy();
    }, CLOSE_WITHIN_MS);
    await goodbye;
    await closed;
    clearTimeout(late);
    await following;
    await ports.close();
    hot?.[Symbol.dispose]();
    await app.close();
  };
  const closeOnce = () => {
    closing ??= close();
    return closing;
  };
  return {
    url: urlOf(certificate ? 'https' : 'http', listen.address, port),
    port,
    get blockBytes() {
      return ports.blockBytes;
    },
    close: closeOnce,
    [Symbol.asyncDispose]: closeOnce,
  };
}

/** Shows what the files of the certificate hold, whenever they change, and says in the log what became of it. */
function follow(
  files: CertificateFiles,
  shown: { use(certificate: Certificate): void },
  first: Certificate,
  { log, clock }: HttpDeps,
  { signal }: { signal: AbortSignal },
): Promise<void> {
  const warnOfTime = ({ names, notBeforeMs, notAfterMs }: Certificate) => {
    const nowMs = clock.nowMs();
    const notAfter = new Date(notAfterMs).toISOString();
    if (nowMs > notAfterMs) log.warn({ names, notAfter }, 'the certificate has expired');
    else if (nowMs < notBeforeMs) log.warn({ names }, 'the certificate is not valid yet');
  };
  warnOfTime(first);
  const watch = {
    changed(certificate: Certificate) {
      shown.use(certificate);
      const notAfter = new Date(certificate.notAfterMs).toISOString();
      log.info({ names: certificate.names, notAfter }, 'the certificate was replaced');
      warnOfTime(certificate);
    },
    refused(reason: OxbowError) {
      log.error({ error: reason.message }, 'the new certificate cannot be used; the old one stays');
    },
  };
  return watchCertificate(files, first, watch, { signal });
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
