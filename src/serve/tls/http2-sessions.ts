/**
 * HTTP/2 on connections after TLS, in this or a serving thread: media by the stream API, all else by node's
 * request and response objects.
 * In: sockets whose ALPN chose h2. Out: exchanges for media, requests for fastify; limits on peers. RFC 9113.
 */
import assert from 'node:assert/strict';
import { createServer, type Http2ServerRequest, type Http2ServerResponse, type ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { MediaTarget } from '../../api/media-address.ts';
import { type Exchange, exchangeOfHttp2 } from '../exchange/exchange.ts';
import { mediaTargetOf } from '../media/media.ts';
import { Http2Budget, type UnsentCounts, type UnsentLimits } from './http2-budget.ts';

/** Limits of a connection. Browsers open up to 100 streams before they have read the server's settings. */
const limits = {
  settings: { maxConcurrentStreams: 128, maxHeaderListSize: 16 * 1024, enableConnectProtocol: false },
  maxHeaderListPairs: 100,
  /** MiB of streams, headers and queued data; a session above it gets no further streams. */
  maxSessionMemory: 16,
  /** Streams above the limit that are refused before the connection ends. */
  maxSessionRejectedStreams: 1000,
  maxSessionInvalidFrames: 100,
  maxOutstandingPings: 10,
  /** Streams that a peer may open and reset at once, and in each second after that (CVE-2023-44487). */
  streamResetBurst: 500,
  streamResetRate: 50,
} as const;

/** A connection without a stream is closed after this long, ms; as over HTTP/1.1. */
const IDLE_MS = 75_000;
/** A request to the API that makes no progress is aborted after this long, ms. */
const STALL_MS = 60_000;
/** Time for a peer to close after GOAWAY, ms. */
const GOAWAY_MS = 2000;

/** Answers requests. */
interface Http2Handlers {
  /** Whether to answer a request; if false, it was already refused. */
  accepts(exchange: Exchange): boolean;
  media(exchange: Exchange, target: MediaTarget): void;
  other(request: Http2ServerRequest, response: Http2ServerResponse): void;
}

/** The connections that speak HTTP/2. */
interface Http2Sessions {
  /** Takes a connection over. */
  open(socket: Socket): void;
  /** Sends GOAWAY to every peer. Resolves when the last session has closed. */
  close(): Promise<void>;
}

/**
 * @param counts receives the unsent bytes
 * @param options.unsent their limits; tests set smaller ones
 * @param options.altSvc the field Alt-Svc of every answer; undefined: none
 */
export function createHttp2Sessions(
  { accepts, media, other }: Http2Handlers,
  counts: UnsentCounts,
  { unsent, altSvc }: { readonly unsent?: UnsentLimits | undefined; readonly altSvc?: string | undefined } = {},
): Http2Sessions {
  const server = createServer(limits);
  const budget = new Http2Budget(counts, unsent);
  server.on('request', (request, response) => {
    request.nodeSender = request.stream.nodeSender;
    if (altSvc !== undefined) response.setHeader('alt-svc', altSvc);
    other(request, response);
  });
  // Adding that listener made node add one for `stream`, which wraps every stream. It now gets only those
  // that are not for media.
  const [toRequest, ...more] = server.listeners('stream');
  assert.ok(toRequest && more.length === 0, 'node:http2 wraps streams in one listener');
  server.removeAllListeners('stream');
  const sessions = new Map<ServerHttp2Session, Socket>();
  let isClosing = false;
  const { promise: allClosed, resolve: onAllClosed } = Promise.withResolvers<void>();

  server.on('stream', (stream, headers, flags, rawHeaders) => {
    if (altSvc !== undefined) stream.altSvc = altSvc;
    const exchange = exchangeOfHttp2(stream, headers, () => budget.owns(stream));
    if (!accepts(exchange)) return;
    const target = mediaTargetOf(exchange.target);
    if (!budget.admit(stream, target !== undefined)) return;
    if (target) return media(exchange, target);
    stream.nodeSender = exchange.sender;
    stream.setTimeout(STALL_MS, () => stream.destroy());
    Reflect.apply(toRequest, server, [stream, headers, flags, rawHeaders]);
  });
  server.on('session', (session) => {
    budget.add(session);
    let streams = 0;
    session.on('stream', (stream) => {
      streams++;
      stream.once('close', () => streams--);
    });
    const onIdle = () => {
      // A session that waits for media is not idle.
      if (streams > 0) session.setTimeout(IDLE_MS, onIdle);
      else session.close();
    };
    session.setTimeout(IDLE_MS, onIdle);
    session.once('close', () => {
      sessions.get(session)?.setTimeout(GOAWAY_MS, function (this: Socket) {
        this.destroy();
      });
      sessions.delete(session);
      if (isClosing && sessions.size === 0) onAllClosed();
    });
  });
  // Node closes the connection; no further action is needed.
  server.on('sessionError', () => {});

  return {
    open(socket) {
      const onSession = (session: ServerHttp2Session) => sessions.set(session, socket);
      server.prependOnceListener('session', onSession);
      server.emit('connection', socket);
      server.off('session', onSession);
      socket.on('error', () => {});
      // HTTP/2 has no half-closed connections: the peer can no longer send SETTINGS or WINDOW_UPDATE.
      socket.on('end', () => socket.destroy());
      if (isClosing) for (const [session, sessionSocket] of sessions) if (sessionSocket === socket) session.close();
    },
    close() {
      isClosing = true;
      if (sessions.size === 0) onAllClosed();
      for (const session of sessions.keys()) session.close();
      return allClosed.finally(() => budget[Symbol.dispose]());
    },
  };
}
