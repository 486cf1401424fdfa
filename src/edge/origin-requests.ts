/**
 * Requests to the origin for objects that an edge does not keep: their connections, fields, traces and
 * number.
 * In: heads of requests of clients. Out: requests that are under way. RFC 9110 7.6.
 */
import type { Agent, ClientRequest } from 'node:http';
import type { LookupFunction } from 'node:net';
import type { SignedBody } from '../cluster/requests/node-signature.ts';
import { messageOf, type OxbowError } from '../lib/errors.ts';
import { http, https } from '../lib/memory/node-http.ts';
import { type Net, portOf } from '../net/net.ts';
import { noTelemetry, type OpenSpan, type Telemetry } from '../observe/traces/telemetry.ts';
import { countryFields, countryIn } from '../serve/client/client-country.ts';
import type { Exchange } from '../serve/exchange/exchange.ts';
import { edgeUnanswered, type OriginOptions } from './origin.ts';
import { passedFields, withoutLength } from './passed-fields.ts';

/** Connections to the origin for other requests than those for objects. */
const MAX_SOCKETS = 1024;
const IDLE_SOCKETS = 64;
/** Requests that are under way or wait for a connection; more are refused. */
const MAX_REQUESTS = 2 * MAX_SOCKETS;
/**
 * A passed request on which nothing moves is ended after this long, ms. Events and held answers have pings.
 */
const STALL_MS = 120_000;
const RESOLVE_MS = 10_000;

/** The head of a request that is passed on. */
export type PassedHead = Pick<Exchange, 'method' | 'target' | 'headers' | 'remoteAddress'>;

/** Dependencies of requests to the origin. */
export interface OriginRequestsOptions extends Pick<OriginOptions, 'sign' | 'unanswered'> {
  readonly origin: URL;
  readonly net: Pick<Net, 'resolveHost'>;
  /** Of this edge, in `Via`. */
  readonly name: string;
  /** Clients come by HTTPS. */
  readonly isSecure: boolean;
  /** Whether an address is that of a proxy whose X-Forwarded fields count. */
  readonly isProxy: (address: string) => boolean;
  /** Header field in which they report the country of a client, in lower case; default: none. */
  readonly countryHeader?: string | undefined;
  /** Longest wait for a connection, ms; default: the system's. */
  readonly connectMs?: number;
  /** Spans of passed requests of the API; none by default. */
  readonly telemetry?: Pick<Telemetry, 'begin' | 'ended'> | undefined;
  /** For tests: most requests at a time. */
  readonly maxRequests?: number;
  /** The fields that say who the client is; default: X-Forwarded-For with all proxies, -Host and -Proto. */
  readonly forwardedFields?: (head: Pick<PassedHead, 'headers' | 'remoteAddress'>) => Readonly<Record<string, string>>;
}

/** Something under way that can be ended: a request, the reading of a body, an upgraded connection. */
interface Ending {
  destroy(error?: Error): unknown;
}

export class OriginRequests implements Disposable {
  readonly #options: OriginRequestsOptions;
  readonly #telemetry: Pick<Telemetry, 'begin' | 'ended'>;
  readonly #forwardedFields: NonNullable<OriginRequestsOptions['forwardedFields']>;
  readonly #module: typeof http | typeof https;
  readonly #agent: Agent;
  readonly #basePath: string;
  readonly #underWay = new Set<Ending>();

  constructor(options: OriginRequestsOptions) {
    const { origin, telemetry = noTelemetry, forwardedFields = chainOf(options) } = options;
    this.#options = options;
    this.#telemetry = telemetry;
    this.#forwardedFields = forwardedFields;
    this.#module = origin.protocol === 'https:' ? https : http;
    this.#agent = new this.#module.Agent({
      keepAlive: true,
      maxSockets: MAX_SOCKETS,
      maxFreeSockets: IDLE_SOCKETS,
    });
    this.#basePath = origin.pathname.replace(/\/+$/, '');
  }

  /** Whether requests are signed, so that their bodies have to be known first. */
  get areSigned(): boolean {
    return this.#options.sign !== undefined;
  }

  /**
   * Why no further request is opened; undefined: it may be.
   *
   * @param uncounted of those under way, e.g. upgraded connections
   */
  refusal(uncounted: number): OxbowError | undefined {
    const { maxRequests = MAX_REQUESTS } = this.#options;
    if (this.#underWay.size - uncounted < maxRequests) return undefined;
    return this.unanswered(new Error(`${maxRequests} requests wait for it`));
  }

  /** The refusal of a client's request that the origin does not answer. */
  unanswered(cause?: unknown): OxbowError {
    return (this.#options.unanswered ?? edgeUnanswered)(cause);
  }

  /** Opens a request; it is sent when the caller ends it. */
  open(head: PassedHead, more: Readonly<Record<string, string>> = {}, body?: SignedBody): ClientRequest {
    const { origin, name, sign, connectMs } = this.#options;
    const { method, headers } = head;
    const path = this.#basePath + head.target;
    const traceparent = headers.traceparent as string | undefined;
    // Media requests create no spans.
    const span = head.target.startsWith('/api/') ? this.#telemetry.begin({ traceparent }) : undefined;
    const outgoing = this.#module.request({
      agent: this.#agent,
      method,
      path,
      lookup: this.#lookup,
      protocol: origin.protocol,
      hostname: origin.hostname.replace(/^\[|\]$/g, ''),
      port: origin.port || undefined,
      headers: {
        ...withoutLength(passedFields(headers)),
        via: [headers.via, `1.1 ${name}`].filter((proxy) => proxy !== undefined).join(', '),
        ...this.#forwardedFields(head),
        host: origin.host,
        ...sign?.({ method, target: path, body }),
        ...(span && { traceparent: span.traceparent }),
        ...more,
      },
    });
    if (span) this.#trace(outgoing, method, span, traceparent);
    outgoing.setTimeout(STALL_MS, () => outgoing.destroy(new Error('nothing came for too long')));
    if (connectMs !== undefined) limitConnecting(outgoing, connectMs);
    outgoing.once('close', this.begin(outgoing));
    return outgoing;
  }

  /** Counts something as under way. @returns what ends the counting */
  begin(ending: Ending): () => void {
    this.#underWay.add(ending);
    return () => void this.#underWay.delete(ending);
  }

  /** Ends everything that is under way. */
  cut(): void {
    for (const ending of this.#underWay) ending.destroy(new Error('the server is gone'));
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  readonly #lookup: LookupFunction = (host, { all }, done) => {
    const { origin, net } = this.#options;
    const port = Number(origin.port) || (origin.protocol === 'https:' ? 443 : 80);
    net.resolveHost(host, port, { trusted: true, signal: AbortSignal.timeout(RESOLVE_MS) }).then(
      ({ addresses }) => {
        if (all) done(null, addresses.map((address) => ({ ...address })) as never);
        else done(null, addresses[0]!.address, addresses[0]!.family);
      },
      (error) => done(error as NodeJS.ErrnoException, '', 4),
    );
  };

  #trace(outgoing: ClientRequest, method: string, span: OpenSpan, traceparent: string | undefined): void {
    const { origin } = this.#options;
    const startedAt = performance.now();
    let isEnded = false;
    const end = (status: number | undefined, error?: string) => {
      if (isEnded) return;
      isEnded = true;
      this.#telemetry.ended({
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
    };
    outgoing.once('response', ({ statusCode: status }) =>
      end(status, status !== undefined && status >= 500 ? `status ${status}` : undefined),
    );
    outgoing.once('upgrade', () => end(101));
    outgoing.once('error', (error) => end(undefined, messageOf(error)));
    outgoing.once('close', () => end(undefined, 'the client disconnected'));
  }
}

/** All proxies that the request has passed, and this one's view of the last. */
function chainOf({
  isProxy,
  isSecure,
  countryHeader = '',
}: OriginRequestsOptions): NonNullable<OriginRequestsOptions['forwardedFields']> {
  return ({ headers, remoteAddress }) => {
    // Fields that a client sends itself do not count: the origin trusts this edge.
    const forwarded = isProxy(remoteAddress) ? headers : {};
    const peer = remoteAddress.replace(/^::ffff:(?=\d+\.)/i, '');
    return {
      'x-forwarded-for': [forwarded['x-forwarded-for'], peer]
        .filter((address) => address !== undefined && address !== '')
        .join(', '),
      'x-forwarded-host': String(forwarded['x-forwarded-host'] ?? headers.host ?? headers[':authority'] ?? ''),
      'x-forwarded-proto': String(forwarded['x-forwarded-proto'] ?? (isSecure ? 'https' : 'http')),
      ...countryFields(countryHeader, countryIn(forwarded, countryHeader)),
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
