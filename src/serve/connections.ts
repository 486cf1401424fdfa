/**
 * Dispatches connections: HTTP/1.1 to the hot responder first, then to media or the API; HTTP/2 to media or
 * the API.
 * In: sockets of this thread's server, or of serving threads. Out: answers; an orderly shutdown.
 * docs/decisions/0012.
 */
import type { IncomingMessage, Server, ServerOptions, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { NodeSender, ReceivedRequest } from '../cluster/requests/node-signature.ts';
import type { OxbowError } from '../lib/errors.ts';
import { http } from '../lib/memory/node-http.ts';
import { traceIdOf } from '../observe/traces/trace.ts';
import { type OwnHosts, refuseOtherHosts } from './client/host-check.ts';
import type { ServeDeps } from './deps.ts';
import { limitBody } from './exchange/body-deadline.ts';
import { type Exchange, exchangeOfHttp1 } from './exchange/exchange.ts';
import { sendPlainProblem } from './exchange/media-answer.ts';
import { toProblem } from './exchange/problem.ts';
import type { RequestSource } from './exchange/request-source.ts';
import type { SlowPath } from './hot/connection.ts';
import type { HotResponder } from './hot/responder.ts';
import { type MediaResponder, mediaTargetOf } from './media/media.ts';
import { takeListener } from './take-listener.ts';
import type { Client } from './threads/preface.ts';
import type { UnsentLimits } from './tls/http2-budget.ts';
import { createHttp2Sessions } from './tls/http2-sessions.ts';
import type { ServerCertificate } from './tls/tls-certificate.ts';
import { createTlsServer, type TlsServer } from './tls/tls-server.ts';

/** A request whose signature is not verified yet. */
type NewRequest = ReceivedRequest & Pick<RequestSource, 'remoteAddress'>;

/** Options of `openConnections`. */
export interface ConnectionsOptions {
  readonly metrics: Pick<ServeDeps['metrics'], 'http2UnsentBytes' | 'http2SessionsCut'>;
  readonly media: MediaResponder;
  /** Answers requests that are not for media. Called only once the server listens. */
  readonly toApi: (request: IncomingMessage, response: ServerResponse) => void;
  readonly ownHosts: OwnHosts;
  /**
   * Called with each request before anything else: returns the node that has signed it, see OtherNodes and
   * client/trace-callers.
   */
  readonly recognise?: ((request: NewRequest) => NodeSender | undefined) | undefined;
  /** The field Alt-Svc of every answer, RFC 7838 3; undefined: none. The hot responder has it in its head. */
  readonly altSvc?: string | undefined;
  /** Creates the responder that takes the connections of HTTP/1.1. */
  readonly openHot: (slowPath: SlowPath) => HotResponder;
  /** Limits of HTTP/1.1. */
  readonly limits: ServerOptions;
  /** Limits of HTTP/2: bytes that clients may leave unread. */
  readonly unsent: UnsentLimits | undefined;
  readonly certificate: ServerCertificate | undefined;
  /** Whether clients connect to this thread; otherwise serving threads terminate TLS. */
  readonly acceptsHere: boolean;
}

/** The connections of this thread. */
export interface Connections extends Disposable {
  /** Does not listen yet; emits `upgrade`. */
  readonly server: Server;
  /** Terminates TLS in this thread. */
  readonly secure: TlsServer | undefined;
  /** Takes a connection of a serving thread. */
  open(socket: Socket, client: Client): void;
  /**
   * Answers waiting requests with the refusal and closes connections as they become idle. Resolves when
   * HTTP/2 has ended.
   */
  leave(reason: OxbowError): Promise<void>;
  /** Destroys every connection. */
  destroy(): void;
}

/** Builds the server, the hot responder and HTTP/2. */
export function openConnections(options: ConnectionsOptions): Connections {
  const { metrics, media, toApi, ownHosts, certificate, altSvc } = options;
  // The time limit of whole requests is not node's: uploads have none.
  const { requestTimeout = 0, ...others } = options.limits;
  const limits = { ...others, requestTimeout: 0 };
  const responses = new OpenResponses();

  const accepts = (exchange: Exchange): boolean => {
    try {
      exchange.sender = options.recognise?.(exchange);
      refuseOtherHosts(ownHosts, exchange);
      return true;
    } catch (refusal) {
      exchange.refuseBody();
      sendPlainProblem(exchange, toProblem(refusal, traceIdOf(undefined)));
      return false;
    }
  };
  const enter = (response: ServerResponse): void => {
    responses.enter(response);
    if (altSvc !== undefined) response.setHeader('alt-svc', altSvc);
  };
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    enter(response);
    const exchange = exchangeOfHttp1(request, response);
    if (!accepts(exchange)) return;
    const target = mediaTargetOf(exchange.target);
    if (target) return void media.respond(exchange, target);
    request.nodeSender = exchange.sender;
    limitBody(request, requestTimeout);
    toApi(request, response);
  };
  const onHeldRefused = (request: IncomingMessage, response: ServerResponse, reason: unknown): void => {
    enter(response);
    media.refuse(exchangeOfHttp1(request, response), reason);
  };

  const http2 =
    certificate &&
    createHttp2Sessions(
      {
        accepts,
        media: (exchange, target) => void media.respond(exchange, target),
        // Fastify accepts both kinds; its types only have the kind it was created for.
        other: (request, response) =>
          toApi(request as unknown as IncomingMessage, response as unknown as ServerResponse),
      },
      {
        unsent: (bytes) => metrics.http2UnsentBytes.set(bytes),
        cut: (reason) => metrics.http2SessionsCut.inc({ reason }),
      },
      { unsent: options.unsent, altSvc },
    );
  const secure =
    certificate && http2 && options.acceptsHere
      ? createTlsServer(certificate, limits, onRequest, {
          openHttp1: (socket) => hot.open(socket),
          openHttp2: http2.open,
        })
      : undefined;
  const server: Server = secure?.server ?? http.createServer(limits, onRequest);
  const toHttp1 = secure?.toHttp1 ?? takeListener<Socket>(server, 'connection');
  const hot = options.openHot({
    onRequest,
    refuse: onHeldRefused,
    handOver: toHttp1,
  });
  if (!secure) server.on('connection', hot.open);

  return {
    server,
    secure,
    open: (socket, { protocol }) => (protocol === 'http2' ? http2?.open(socket) : hot.open(socket)),
    async leave(reason) {
      responses.leave(server);
      media.waitLimiter.abortAll(reason);
      hot.leave(reason);
      secure?.leave();
      const goodbye = http2?.close();
      server.closeIdleConnections();
      await goodbye;
    },
    destroy() {
      hot.destroy();
      server.closeAllConnections();
      secure?.destroy();
    },
    [Symbol.dispose]: () => hot[Symbol.dispose](),
  };
}

/**
 * HTTP/1.1 responses that are not complete: once the server closes, their connections accept no further
 * request.
 */
class OpenResponses {
  readonly #open = new Set<ServerResponse>();
  #closing: Server | undefined;

  enter(response: ServerResponse): void {
    this.#open.add(response);
    response.once('close', () => {
      this.#open.delete(response);
      // The connection becomes idle after this turn.
      if (this.#closing) setImmediate(() => this.#closing?.closeIdleConnections());
    });
    if (this.#closing) response.shouldKeepAlive = false;
  }

  leave(server: Server): void {
    this.#closing = server;
    for (const response of this.#open) if (!response.headersSent) response.shouldKeepAlive = false;
  }
}
