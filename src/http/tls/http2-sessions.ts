/**
 * HTTP/2 on connections whose TLS is done, here or in a serving thread: media by the stream API, everything else by Node's request and response objects.
 * In: sockets whose ALPN chose h2. Out: exchanges for media, requests for fastify; bounds on what a peer may do. RFC 9113.
 */
import assert from 'node:assert/strict';
import { createServer, type Http2ServerRequest, type Http2ServerResponse, type ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { MediaTarget } from '../../api/media-address.ts';
import { type Exchange, exchangeOfHttp2 } from '../media/exchange.ts';
import { mediaTargetOf } from '../media/media.ts';
import { Http2Budget, type UnsentCounts, type UnsentLimits } from './http2-budget.ts';

/** Bounds of a connection. Browsers open up to 100 streams before they have read ours. */
const limits = {
  settings: { maxConcurrentStreams: 128, maxHeaderListSize: 16 * 1024, enableConnectProtocol: false },
  maxHeaderListPairs: 100,
  /** MiB of streams, headers and what is queued; a session beyond it gets no further streams. */
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
/** A request of the API that makes no progress is given up after this long, ms. */
const STALL_MS = 60_000;
/** How long a peer may take to close after it was told goodbye, ms. */
const GOODBYE_MS = 2000;

/** Who answers. */
export interface Http2Handlers {
  /** Whether a request is to be answered; it was refused otherwise. */
  accepts(exchange: Exchange): boolean;
  media(exchange: Exchange, target: MediaTarget): void;
  other(request: Http2ServerRequest, response: Http2ServerResponse): void;
}

/** The connections that speak HTTP/2. */
export interface Http2Sessions {
  /** Takes a connection over. */
  open(socket: Socket): void;
  /** Tells every peer to open no further streams (GOAWAY); resolves when the last one has gone. */
  close(): Promise<void>;
}

/**
 * @param handlers who answers
 * @param counts of what clients leave unread
 * @param unsent how much they may; tests set less
 */
export function createHttp2Sessions(
  { accepts, media, other }: Http2Handlers,
  counts: UnsentCounts,
  unsent?: UnsentLimits,
): Http2Sessions {
  const server = createServer(limits);
  const budget = new Http2Budget(counts, unsent);
  server.on('request', other);
  // That listener made one of `stream` that wraps every stream; it is now asked for those alone that are not media.
  const [toRequest, ...more] = server.listeners('stream');
  assert.ok(toRequest && more.length === 0, 'node:http2 wraps streams in one listener');
  server.removeAllListeners('stream');
  const sessions = new Map<ServerHttp2Session, Socket>();
  let isClosing = false;
  const { promise: gone, resolve: onGone } = Promise.withResolvers<void>();

  server.on('stream', (stream, headers, flags, rawHeaders) => {
    const exchange = exchangeOfHttp2(stream, headers, () => budget.owns(stream));
    if (!accepts(exchange)) return;
    const target = mediaTargetOf(exchange.target);
    if (!budget.admit(stream, target !== undefined)) return;
    if (target) return media(exchange, target);
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
    const rest = () => {
      // What waits for media is not idle.
      if (streams > 0) session.setTimeout(IDLE_MS, rest);
      else session.close();
    };
    session.setTimeout(IDLE_MS, rest);
    session.once('close', () => {
      sessions.get(session)?.setTimeout(GOODBYE_MS, function (this: Socket) {
        this.destroy();
      });
      sessions.delete(session);
      if (isClosing && sessions.size === 0) onGone();
    });
  });
  // The connection is closed by Node; there is nothing to add, and nobody to tell.
  server.on('sessionError', () => {});

  return {
    open(socket) {
      const onSession = (session: ServerHttp2Session) => sessions.set(session, socket);
      server.prependOnceListener('session', onSession);
      server.emit('connection', socket);
      server.off('session', onSession);
      socket.on('error', () => {});
      // Half a connection is none in HTTP/2: the peer can send no SETTINGS and no WINDOW_UPDATE any more.
      socket.on('end', () => socket.destroy());
      if (isClosing) for (const [session, own] of sessions) if (own === socket) session.close();
    },
    close() {
      isClosing = true;
      if (sessions.size === 0) onGone();
      for (const session of sessions.keys()) session.close();
      return gone.finally(() => budget[Symbol.dispose]());
    },
  };
}
