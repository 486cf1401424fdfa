/**
 * Passes to the origin what an edge does not keep: pages, the API, events, uploads, clips, reports of players, WebSockets.
 * In: requests of clients. Out: the origin's responses, as they come. RFC 9110 7.6; RFC 6455 4.2.
 */
import type { Agent, ClientRequest, IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { LookupFunction } from 'node:net';
import { type Duplex, pipeline } from 'node:stream';
import type { Exchange, HeadFields } from '../http/media/exchange.ts';
import { sendBlocks } from '../http/media/send.ts';
import { OxbowError } from '../lib/errors.ts';
import { http, https } from '../lib/memory/node-http.ts';
import type { Net } from '../net/net.ts';

/** Connections to the origin besides those for objects. */
const MAX_SOCKETS = 1024;
const IDLE_SOCKETS = 64;
/** A passed request on which nothing moves is ended after this long, ms. Events and held answers have pings. */
const STALL_MS = 120_000;
const RESOLVE_MS = 10_000;
/** Longest report of a player, bytes. */
const MAX_REPORT_BYTES = 16 * 1024;

/** Fields of one connection only (RFC 9110 7.6.1), and those that this edge sets itself. */
const DROPPED: ReadonlySet<string> = new Set([
  ...[
    'connection',
    'keep-alive',
    'transfer-encoding',
    'te',
    'trailer',
    'upgrade',
    'proxy-connection',
    'http2-settings',
  ],
  ...['host', 'expect', 'via', 'forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto'],
]);

/** Passes requests on. */
export interface Passer extends Disposable {
  /** A request for media, or a report of a player. Rejects with an OxbowError if the origin does not answer. */
  exchange(exchange: Exchange): Promise<void>;
  /** Any other request. @param failed called if the origin does not answer and nothing was sent */
  request(request: IncomingMessage, response: ServerResponse, failed: (reason: OxbowError) => void): void;
  /** A request to upgrade the connection to WebSocket. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

/** Options of `openPasser`. */
export interface PasserOptions {
  readonly origin: URL;
  readonly net: Pick<Net, 'resolveHost'>;
  /** Of this edge, in `Via`. */
  readonly name: string;
  /** Clients come by HTTPS. */
  readonly isSecure: boolean;
  /** Whether an address is that of a proxy whose X-Forwarded fields count. */
  readonly isProxy: (address: string) => boolean;
}

/** Opens the connections; they are made when they are needed. */
export function openPasser({ origin, net, name, isSecure, isProxy }: PasserOptions): Passer {
  const module = origin.protocol === 'https:' ? https : http;
  const lookup: LookupFunction = (host, options, done) => {
    const port = Number(origin.port) || (origin.protocol === 'https:' ? 443 : 80);
    net.resolveHost(host, port, { trusted: true, signal: AbortSignal.timeout(RESOLVE_MS) }).then(
      ({ addresses }) => {
        if (options.all) done(null, addresses.map((one) => ({ ...one })) as never);
        else done(null, addresses[0]!.address, addresses[0]!.family);
      },
      (error) => done(error as NodeJS.ErrnoException, '', 4),
    );
  };
  const agent: Agent = new module.Agent({ keepAlive: true, maxSockets: MAX_SOCKETS, maxFreeSockets: IDLE_SOCKETS });
  const base = origin.pathname.replace(/\/+$/, '');

  function open(
    { method, target, headers, remoteAddress }: Pick<Exchange, 'method' | 'target' | 'headers' | 'remoteAddress'>,
    more: Readonly<Record<string, string>> = {},
  ): ClientRequest {
    const outgoing = module.request({
      ...{ agent, method, path: base + target, lookup },
      protocol: origin.protocol,
      hostname: origin.hostname.replace(/^\[|\]$/g, ''),
      port: origin.port || undefined,
      headers: { ...passedFields(headers), ...forwardedFields(headers, remoteAddress), host: origin.host, ...more },
    });
    outgoing.setTimeout(STALL_MS, () => outgoing.destroy(new Error('nothing came for too long')));
    return outgoing;
  }

  function forwardedFields(headers: IncomingHttpHeaders, remoteAddress: string): Record<string, string> {
    // What a client sends itself does not count: the origin trusts this edge.
    const given = isProxy(remoteAddress) ? headers : {};
    const peer = remoteAddress.replace(/^::ffff:(?=\d+\.)/i, '');
    return {
      via: [headers.via, `1.1 ${name}`].filter((one) => one !== undefined).join(', '),
      'x-forwarded-for': [given['x-forwarded-for'], peer].filter((one) => one !== undefined && one !== '').join(', '),
      'x-forwarded-host': String(given['x-forwarded-host'] ?? headers.host ?? headers[':authority'] ?? ''),
      'x-forwarded-proto': String(given['x-forwarded-proto'] ?? (isSecure ? 'https' : 'http')),
    };
  }

  return {
    async exchange(exchange) {
      const report = exchange.method === 'POST' ? Buffer.from(await exchange.text(MAX_REPORT_BYTES)) : undefined;
      const outgoing = open(exchange, report ? { 'content-length': String(report.length) } : {});
      const gone = () => outgoing.destroy();
      exchange.body.on('close', gone);
      try {
        const incoming = await responseTo(outgoing, report);
        exchange.head(incoming.statusCode!, passedFields(incoming.headers) as HeadFields);
        if (exchange.method === 'HEAD') exchange.body.end();
        else await sendBlocks(exchange, incoming);
      } finally {
        exchange.body.off('close', gone);
        outgoing.destroy();
      }
    },
    request(request, response, failed) {
      const { method = 'GET', url: target = '/', headers, socket } = request;
      const outgoing = open({ method, target, headers, remoteAddress: socket.remoteAddress ?? '' });
      outgoing.on('response', (incoming) => {
        response.writeHead(incoming.statusCode!, passedFields(incoming.headers) as never);
        pipeline(incoming, response, () => {});
      });
      outgoing.on('error', (error) => {
        if (response.headersSent || response.destroyed) response.destroy();
        else failed(unreachable(error));
      });
      response.once('close', () => outgoing.destroy());
      request.on('error', () => outgoing.destroy());
      request.pipe(outgoing);
    },
    upgrade(request, socket, head) {
      const { method = 'GET', url: target = '/', headers } = request;
      const remoteAddress = request.socket.remoteAddress ?? '';
      const outgoing = open(
        { method, target, headers, remoteAddress },
        { connection: 'Upgrade', upgrade: 'websocket' },
      );
      socket.on('error', () => socket.destroy());
      socket.once('close', () => outgoing.destroy());
      outgoing.on('error', () => socket.destroy());
      outgoing.on('response', (incoming) => {
        socket.write(printHead(incoming, { connection: 'close' }));
        pipeline(incoming, socket, () => {});
      });
      outgoing.on('upgrade', (incoming, other: Duplex, first) => {
        outgoing.setTimeout(0);
        socket.write(printHead(incoming, { connection: 'Upgrade', upgrade: 'websocket' }));
        if (first.length > 0) socket.write(first);
        if (head.length > 0) other.write(head);
        other.on('error', () => other.destroy());
        other.once('close', () => socket.destroy());
        socket.once('close', () => other.destroy());
        socket.pipe(other);
        other.pipe(socket);
      });
      outgoing.end();
    },
    [Symbol.dispose]() {
      agent.destroy();
    },
  };
}

/** Fields without those of the connection. */
function passedFields(headers: IncomingHttpHeaders): Record<string, string | string[]> {
  const named = new Set(
    String(headers.connection ?? '')
      .split(',')
      .map((one) => one.trim().toLowerCase()),
  );
  const kept = Object.entries(headers).filter(
    ([name, value]) => value !== undefined && !name.startsWith(':') && !DROPPED.has(name) && !named.has(name),
  );
  return Object.fromEntries(kept) as Record<string, string | string[]>;
}

function printHead(
  { statusCode, statusMessage, headers }: IncomingMessage,
  more: Readonly<Record<string, string>>,
): string {
  const fields = Object.entries({ ...passedFields(headers), ...more }).flatMap(([name, value]) =>
    [value].flat().map((one) => `${name}: ${one}\r\n`),
  );
  return `HTTP/1.1 ${statusCode} ${statusMessage ?? ''}\r\n${fields.join('')}\r\n`;
}

/** Sends the request. Rejects with an OxbowError. */
function responseTo(outgoing: ClientRequest, body: Uint8Array | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.once('response', resolve);
    outgoing.on('error', (error) => reject(unreachable(error)));
    outgoing.end(body);
  });
}

function unreachable(cause: unknown): OxbowError {
  return new OxbowError('not-ready', 'The origin of this edge does not answer.', {
    cause,
    extra: { retryAfterSeconds: 2 },
  });
}
