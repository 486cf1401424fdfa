/**
 * Passes to the origin what an edge does not keep: pages, the API, events, uploads, clips, reports of
 * players, WebSockets.
 * In: requests of clients. Out: the origin's responses, as they come. RFC 9110 7.6; RFC 6455 4.2.
 */
import type { Agent, ClientRequest, IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { LookupFunction } from 'node:net';
import { type Duplex, pipeline } from 'node:stream';
import { MAX_SIGNED_BYTES, type SignedBody } from '../cluster/requests/node-signature.ts';
import { streamsBody } from '../cluster/requests/streamed-bodies.ts';
import { messageOf, OxbowError } from '../lib/errors.ts';
import { http, https } from '../lib/memory/node-http.ts';
import { type Net, portOf } from '../net/net.ts';
import { noTelemetry, type OpenSpan, type Telemetry } from '../observe/traces/telemetry.ts';
import type { Exchange, HeadFields } from '../serve/exchange/exchange.ts';
import { sendBlocks } from '../serve/exchange/send.ts';
import { edgeUnanswered, type OriginOptions } from './origin.ts';
import { framingOf, passedFields, printHead, withoutLength } from './passed-fields.ts';
import { isRefusal } from './refusal.ts';
import { readWhole } from './whole-body.ts';

/** Connections to the origin besides those for objects. */
const MAX_SOCKETS = 1024;
const IDLE_SOCKETS = 64;
/** Requests that are under way or wait for a connection; more are refused. */
const MAX_REQUESTS = 2 * MAX_SOCKETS;
/**
 * A passed request on which nothing moves is ended after this long, ms. Events and held answers have pings.
 */
const STALL_MS = 120_000;
const RESOLVE_MS = 10_000;
/** The frame that closes a WebSocket: 1001, the server goes away. RFC 6455 5.5.1. */
const GOING_AWAY = Buffer.from([0x88, 0x02, 0x03, 0xe9]);
/** Longest report of a player, bytes. */
const MAX_REPORT_BYTES = 16 * 1024;

/** The head of a request that is passed on. */
type PassedHead = Pick<Exchange, 'method' | 'target' | 'headers' | 'remoteAddress'>;

/** A whole answer. */
export interface PassedAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Passes requests on. */
export interface Passer extends Disposable {
  /**
   * A request for media, or a report of a player. Rejects with an OxbowError if the origin does not answer.
   */
  exchange(exchange: Exchange): Promise<void>;
  /** Any other request. @param failed called if the origin does not answer and nothing was sent */
  request(request: IncomingMessage, response: ServerResponse, failed: (reason: OxbowError) => void): void;
  /**
   * A request to upgrade the connection to WebSocket.
   * @param failed called if the origin does not answer; default: the connection ends
   */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, failed?: (reason: OxbowError) => void): void;
  /**
   * Asks what a client has asked, and reads the answer.
   *
   * @throws OxbowError `not-ready` if it does not come in time, or is longer
   */
  ask(head: PassedHead, limits: { readonly timeoutMs: number; readonly maxBytes: number }): Promise<PassedAnswer>;
  /** Ends WebSockets; their clients may connect to another server. */
  leave(): void;
  /** Ends everything that is under way: the origin is gone. */
  cut(): void;
}

/** Options of `openPasser`. */
export interface PasserOptions extends Pick<OriginOptions, 'sign' | 'unanswered'> {
  readonly origin: URL;
  readonly net: Pick<Net, 'resolveHost'>;
  /** Of this edge, in `Via`. */
  readonly name: string;
  /** Clients come by HTTPS. */
  readonly isSecure: boolean;
  /** Whether an address is that of a proxy whose X-Forwarded fields count. */
  readonly isProxy: (address: string) => boolean;
  /** Longest wait for a connection, ms; default: the system's. */
  readonly connectMs?: number;
  /** Spans of passed requests of the API; none by default. */
  readonly telemetry?: Pick<Telemetry, 'begin' | 'ended'> | undefined;
  /** For tests: most requests at a time. */
  readonly maxRequests?: number;
  /** The fields that say who the client is; default: X-Forwarded-For with all proxies, -Host and -Proto. */
  readonly forwardedFields?: (head: Pick<PassedHead, 'headers' | 'remoteAddress'>) => Readonly<Record<string, string>>;
}

/** Opens the connections; they are made when they are needed. */
export function openPasser(options: PasserOptions): Passer {
  const { origin, net, name, connectMs, sign, unanswered = edgeUnanswered } = options;
  const { maxRequests = MAX_REQUESTS, telemetry = noTelemetry } = options;
  const { forwardedFields = chainOf(options) } = options;
  const module = origin.protocol === 'https:' ? https : http;
  const lookup: LookupFunction = (host, asked, done) => {
    const port = Number(origin.port) || (origin.protocol === 'https:' ? 443 : 80);
    net.resolveHost(host, port, { trusted: true, signal: AbortSignal.timeout(RESOLVE_MS) }).then(
      ({ addresses }) => {
        if (asked.all) done(null, addresses.map((one) => ({ ...one })) as never);
        else done(null, addresses[0]!.address, addresses[0]!.family);
      },
      (error) => done(error as NodeJS.ErrnoException, '', 4),
    );
  };
  const agent: Agent = new module.Agent({ keepAlive: true, maxSockets: MAX_SOCKETS, maxFreeSockets: IDLE_SOCKETS });
  const base = origin.pathname.replace(/\/+$/, '');
  /** Requests and upgraded connections. */
  const underWay = new Set<{ destroy(error?: Error): unknown }>();
  /** Clients of WebSockets, with the connection to the origin. */
  const clients = new Map<Duplex, Duplex>();

  /** Why no further request is opened; undefined: it may be. */
  function busy(): OxbowError | undefined {
    const isFull = underWay.size - clients.size >= maxRequests;
    return isFull ? unanswered(new Error(`${maxRequests} requests wait for it`)) : undefined;
  }

  function open(head: PassedHead, more: Readonly<Record<string, string>> = {}, body?: SignedBody): ClientRequest {
    const { method, headers } = head;
    const path = base + head.target;
    const traceparent = headers.traceparent as string | undefined;
    // Media requests create no spans.
    const span = head.target.startsWith('/api/') ? telemetry.begin({ traceparent }) : undefined;
    const outgoing = module.request({
      agent,
      method,
      path,
      lookup,
      protocol: origin.protocol,
      hostname: origin.hostname.replace(/^\[|\]$/g, ''),
      port: origin.port || undefined,
      headers: {
        ...withoutLength(passedFields(headers)),
        via: [headers.via, `1.1 ${name}`].filter((one) => one !== undefined).join(', '),
        ...forwardedFields(head),
        host: origin.host,
        ...sign?.({ method, target: path, body }),
        ...(span && { traceparent: span.traceparent }),
        ...more,
      },
    });
    if (span) traceOutgoing(outgoing, method, span, traceparent);
    outgoing.setTimeout(STALL_MS, () => outgoing.destroy(new Error('nothing came for too long')));
    if (connectMs !== undefined) limitConnecting(outgoing, connectMs);
    underWay.add(outgoing);
    outgoing.once('close', () => underWay.delete(outgoing));
    return outgoing;
  }

  function traceOutgoing(
    outgoing: ClientRequest,
    method: string,
    span: OpenSpan,
    traceparent: string | undefined,
  ): void {
    const startedAt = performance.now();
    const ended = (status: number | undefined, error?: string) =>
      telemetry.ended({
        kind: 'pass-on',
        name: method,
        tookMs: performance.now() - startedAt,
        span,
        traceparent,
        error,
        attributes: {
          'http.request.method': method,
          'http.response.status_code': status,
          'url.path': outgoing.path.split('?', 1)[0],
          'server.address': origin.hostname,
          'server.port': portOf(origin),
          'error.type': error === undefined ? undefined : status === undefined ? 'unreachable' : String(status),
        },
      });
    let isEnded = false;
    const once = (...args: Parameters<typeof ended>) => {
      if (!isEnded) ended(...args);
      isEnded = true;
    };
    outgoing.once('response', ({ statusCode: status }) =>
      once(status, status !== undefined && status >= 500 ? `status ${status}` : undefined),
    );
    outgoing.once('upgrade', () => once(101));
    outgoing.once('error', (error) => once(undefined, messageOf(error)));
    outgoing.once('close', () => once(undefined, 'the client disconnected'));
  }

  return {
    async exchange(exchange) {
      const refusal = busy();
      if (refusal) throw refusal;
      const report = exchange.method === 'POST' ? Buffer.from(await exchange.text(MAX_REPORT_BYTES)) : undefined;
      const outgoing = open(exchange, report ? { 'content-length': String(report.length) } : {}, report);
      let isGone = false;
      const gone = () => {
        isGone = true;
        outgoing.destroy();
      };
      exchange.body.on('close', gone);
      /** The origin's bytes. They end where the client disconnects: then `gone` has ended the request. */
      async function* bytesOf(incoming: IncomingMessage): AsyncGenerator<Uint8Array> {
        try {
          yield* incoming as AsyncIterable<Buffer>;
        } catch (error) {
          if (!isGone) throw unanswered(error);
        }
      }
      try {
        const incoming = await responseTo(outgoing, report);
        exchange.head(incoming.statusCode!, passedFields(incoming.headers) as HeadFields);
        if (exchange.method === 'HEAD') exchange.body.end();
        else await sendBlocks(exchange, bytesOf(incoming));
      } catch (error) {
        if (isGone) return;
        throw isRefusal(error) ? error : unanswered(error);
      } finally {
        exchange.body.off('close', gone);
        outgoing.destroy();
      }
    },
    request(request, response, failed) {
      const refusal = busy();
      if (refusal) return failed(refusal);
      const { method = 'GET', url: target = '/', headers, socket } = request;
      const head = { method, target, headers, remoteAddress: socket.remoteAddress ?? '' };
      const framing = framingOf(request);
      const hasBody = (framing['content-length'] ?? framing['transfer-encoding'] ?? '0') !== '0';
      const pass = (body: SignedBody) => {
        const isRead = body !== undefined && body !== 'streamed';
        const outgoing = open(head, isRead ? { 'content-length': String(body.length) } : framing, body);
        outgoing.on('response', (incoming) => {
          response.writeHead(incoming.statusCode!, passedFields(incoming.headers) as never);
          pipeline(incoming, response, () => {});
        });
        outgoing.on('error', (error) => {
          if (response.headersSent || response.destroyed) response.destroy();
          else failed(unanswered(error));
        });
        response.once('close', () => outgoing.destroy());
        request.on('error', () => outgoing.destroy());
        if (isRead) outgoing.end(body);
        else request.pipe(outgoing);
      };
      if (!hasBody) return pass(undefined);
      if (!sign || streamsBody(method, target)) return pass('streamed');
      const reading = readWhole(request, MAX_SIGNED_BYTES);
      underWay.add(reading);
      void reading.bytes
        .finally(() => underWay.delete(reading))
        .then(pass, (error: Error) => failed(error instanceof OxbowError ? error : unanswered(error)));
    },
    upgrade(request, socket, head, failed = () => socket.destroy()) {
      const refusal = busy();
      if (refusal) return failed(refusal);
      const { method = 'GET', url: target = '/', headers } = request;
      const remoteAddress = request.socket.remoteAddress ?? '';
      const outgoing = open(
        { method, target, headers, remoteAddress },
        { connection: 'Upgrade', upgrade: 'websocket' },
      );
      let isAnswered = false;
      const broken = () => socket.destroy();
      const gone = () => outgoing.destroy();
      socket.on('error', broken);
      socket.once('close', gone);
      outgoing.on('error', (error) => {
        if (isAnswered || socket.destroyed) return void socket.destroy();
        // Another server may have it.
        socket.off('error', broken).off('close', gone);
        failed(unanswered(error));
      });
      outgoing.on('response', (incoming) => {
        isAnswered = true;
        socket.write(printHead(incoming, { connection: 'close' }));
        pipeline(incoming, socket, () => {});
      });
      outgoing.on('upgrade', (incoming, other: Duplex, first) => {
        isAnswered = true;
        outgoing.setTimeout(0);
        underWay.add(other);
        clients.set(socket, other);
        socket.write(printHead(incoming, { connection: 'Upgrade', upgrade: 'websocket' }));
        if (first.length > 0) socket.write(first);
        if (head.length > 0) other.write(head);
        other.on('error', () => other.destroy());
        other.once('close', () => {
          underWay.delete(other);
          socket.destroy();
        });
        socket.once('close', () => {
          clients.delete(socket);
          other.destroy();
        });
        socket.pipe(other);
        other.pipe(socket);
      });
      outgoing.end();
    },
    async ask(head, { timeoutMs, maxBytes }) {
      const refusal = busy();
      if (refusal) throw refusal;
      const outgoing = open(head);
      const late = setTimeout(() => outgoing.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
      try {
        const incoming = await responseTo(outgoing, undefined);
        const chunks: Buffer[] = [];
        let length = 0;
        for await (const chunk of incoming as AsyncIterable<Buffer>) {
          length += chunk.length;
          if (length > maxBytes) throw new Error(`the answer has more than ${maxBytes} bytes`);
          chunks.push(chunk);
        }
        return { status: incoming.statusCode!, headers: incoming.headers, body: Buffer.concat(chunks) };
      } catch (error) {
        outgoing.destroy();
        throw unanswered(error);
      } finally {
        clearTimeout(late);
      }
    },
    leave() {
      for (const [socket, other] of clients) {
        other.unpipe(socket);
        socket.end(GOING_AWAY);
      }
    },
    cut() {
      for (const one of underWay) one.destroy(new Error('the server is gone'));
    },
    [Symbol.dispose]() {
      agent.destroy();
    },
  };
}

/** All proxies that the request has passed, and this one's view of the last. */
function chainOf({ isProxy, isSecure }: PasserOptions): NonNullable<PasserOptions['forwardedFields']> {
  return ({ headers, remoteAddress }) => {
    // What a client sends itself does not count: the origin trusts this edge.
    const given = isProxy(remoteAddress) ? headers : {};
    const peer = remoteAddress.replace(/^::ffff:(?=\d+\.)/i, '');
    return {
      'x-forwarded-for': [given['x-forwarded-for'], peer].filter((one) => one !== undefined && one !== '').join(', '),
      'x-forwarded-host': String(given['x-forwarded-host'] ?? headers.host ?? headers[':authority'] ?? ''),
      'x-forwarded-proto': String(given['x-forwarded-proto'] ?? (isSecure ? 'https' : 'http')),
    };
  };
}

/** Ends a request whose connection is not made in time. */
function limitConnecting(outgoing: ClientRequest, connectMs: number): void {
  outgoing.once('socket', (socket) => {
    if (!socket.connecting) return;
    const late = setTimeout(() => outgoing.destroy(new Error(`no connection within ${connectMs} ms`)), connectMs);
    const stop = () => clearTimeout(late);
    socket.once('connect', stop);
    outgoing.once('close', stop);
  });
}

/** Sends the request. Rejects with the system's error. */
function responseTo(outgoing: ClientRequest, body: Uint8Array | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.once('response', resolve);
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
