/**
 * The guarded HTTP client for every outgoing request of oxbow, and checked addresses for every other outgoing
 * connection.
 * In: URLs from administrators, users, playlists and redirects. Out: replies, read within bounds.
 * docs/architecture.md, Outgoing requests. No other code opens outgoing connections; no proxy of the
 * environment is used.
 */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { concatBytes } from '@oxbow/media/bytes';
import { http, https } from '../lib/memory/node-http.ts';
import { parseCidr } from './address.ts';
import { type Agents, createAgents } from './agents.ts';
import { collectBody, readBody, readRaw } from './body.ts';
import type { Cookies } from './cookies.ts';
import { netFailure, shownUrl, toNetFailure } from './failure.ts';
import { Guard, type Resolve, systemResolve } from './guard.ts';
import { type CheckedHost, type HostRequest, resolveHost } from './host.ts';
import { Patience } from './patience.ts';
import { type GuardedProxy, openGuardedProxy, type ProxyOptions } from './proxy.ts';

export { Cookies } from './cookies.ts';
export { isRetryable, type NetReason, shownUrl } from './failure.ts';
export type { Resolve, ResolvedAddress } from './guard.ts';
export type { CheckedHost, HostRequest } from './host.ts';
export { type GuardedProxy, type ProxyOptions, refusedPhrase } from './proxy.ts';

const MAX_REDIRECTS = 5;
const MAX_REDIRECT_BODY = 64 * 1024;
/** Headers that are sent only to their origin. */
const SECRET_HEADER = /auth|bearer|cookie|credential|jwt|key|pass|secret|session|signature|token/i;

/** Whether a header is sent only to its origin. */
export function isSecretHeader(name: string): boolean {
  return SECRET_HEADER.test(name);
}

/** Options of a request. */
export interface NetRequest {
  readonly signal: AbortSignal;
  /** Body of a POST, whose redirects are returned, not followed; undefined: GET. */
  readonly post?: Uint8Array | undefined;
  /**
   * Method of a request with `post`; default POST. PROPFIND: RFC 4918 9.1. DELETE ends a session, RFC 9725
   * 4.2.
   */
  readonly method?: 'PROPFIND' | 'DELETE' | undefined;
  /**
   * Added to those of oxbow. Secrets among them go only to the origin of `home`, whatever URL a playlist or a
   * redirect names.
   */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Most bytes of the body, as sent and as unpacked. */
  readonly maxBytes: number;
  /**
   * From the call to the last byte, redirects included, ms. `none` for a body that has no end and comes as
   * fast as it is made: only `idleMs` bounds it.
   */
  readonly deadlineMs: number | 'none';
  /**
   * Longest wait for the next byte, ms. A body slower than 1 KiB/s for 10 s also ends with `source-failed`,
   * unless it has no deadline.
   */
  readonly idleMs: number;
  /** Open a new connection for this request, because a kept one may be broken. Default false. */
  readonly fresh?: boolean | undefined;
  /**
   * A URL configured by an administrator: its host is allowed even if private, and its user name and password
   * are sent to its origin.
   */
  readonly trusted?: URL | undefined;
  /** Origin of secret headers; default `trusted`, otherwise the URL itself. */
  readonly home?: URL | undefined;
  /** Cookie jar of the source, for every hop. */
  readonly cookies?: Cookies | undefined;
  /**
   * `traceparent` of the span that causes the request, sent at every hop; undefined: none. W3C Trace Context,
   * 3.2.
   */
  readonly traceparent?: string | undefined;
  /** Its subject, in traces. */
  readonly about?: FetchSubject | undefined;
}

/** The subject of a request. */
export interface FetchSubject {
  readonly stream: string;
  /** `traceparent` of the session of the source. */
  readonly session: () => string | undefined;
}

/** A reply. Read its body to the end, or dispose it: until then it holds a connection. */
export interface NetResponse extends Disposable {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** After redirects. */
  readonly url: URL;
  /** The complete body. Throws as `stream` does. */
  body(): Promise<Uint8Array>;
  /** The complete body as it arrived. Throws as `stream` does. */
  pieces(): Promise<Uint8Array[]>;
  /**
   * The body as a stream. Throws OxbowError `source-failed` if a limit is exceeded or the connection breaks,
   * and the signal's reason on abort.
   */
  stream(): AsyncIterable<Uint8Array>;
}

/** The HTTP client. */
export interface Net extends AsyncDisposable {
  /**
   * GETs `url` (or POSTs to it), following at most 5 redirects, each checked like the first. Any status is a
   * reply.
   *
   * @throws OxbowError `address-refused` for an address that is not allowed, `source-failed` if there is no
   *   reply;
   * `extra.retryable` reports whether a retry may help. On abort, rejects with the signal's reason.
   */
  fetch(url: string | URL, request: NetRequest): Promise<NetResponse>;
  /**
   * Opens a proxy for a child process that sends its own requests; the caller closes it when the child has
   * ended.
   */
  openProxy(options: ProxyOptions): Promise<GuardedProxy>;
  /**
   * Resolves the host of an outgoing TCP or UDP connection once, and checks every address: the same rules as
   * for requests. The caller connects to one of the addresses, never to the name.
   *
   * @param host as in a URL
   * @param port 1 to 65535
   * @throws OxbowError `address-refused` for an address that is not allowed, `source-failed` where the name
   *   has none; the signal's reason
   */
  resolveHost(host: string, port: number, request: HostRequest): Promise<CheckedHost>;
  /** Connections kept for the next request. */
  readonly idleConnections: number;
  /** Closes all connections; current requests fail. */
  close(): Promise<void>;
}

/** Options of a `Net`. */
export interface NetOptions {
  /** Ranges of private addresses that any URL may use, e.g. `10.0.0.0/8`. */
  readonly allow: readonly string[];
  /** The resolver; the system's when absent. */
  readonly resolve?: Resolve;
  /** Most connections to one host; further requests wait. Default 256. */
  readonly maxPerHost?: number;
  /** Sent as User-Agent. */
  readonly userAgent?: string;
  /** Called for each GET that was answered or failed. */
  readonly onFetched?: (fetched: Fetched) => void;
}

/** A GET that was answered, or has failed. */
export interface Fetched {
  /** From the call to the head of the answer, redirects included, s. */
  readonly seconds: number;
  readonly url: URL;
  /** Undefined if there was no answer. */
  readonly status: number | undefined;
  /** Why there was none. */
  readonly error: unknown;
  readonly request: NetRequest;
}

/**
 * Creates the client.
 *
 * @throws OxbowError `bad-setting` for an invalid range
 */
export function createNet(options: NetOptions): Net {
  const { allow, resolve = systemResolve, userAgent = 'oxbow', onFetched } = options;
  const guard = new Guard(allow.map(parseCidr), resolve);
  const agents = createAgents(options.maxPerHost);
  const close = async () => agents.close();
  return {
    async fetch(url, request) {
      const first = toUrl(url);
      const patience = new Patience(request.deadlineMs, request.idleMs, () => shownUrl(first), request);
      const askedAt = performance.now();
      const fetched = (status: number | undefined, error?: unknown) => {
        if (request.post) return;
        onFetched?.({ seconds: (performance.now() - askedAt) / 1000, url: first, status, error, request });
      };
      try {
        const response = await follow(first, request, { guard, agents, userAgent, patience });
        fetched(response.status);
        return response;
      } catch (thrown) {
        patience[Symbol.dispose]();
        const error = patience.isAborted ? patience.reason : toNetFailure(thrown, first);
        if (!request.signal.aborted) fetched(undefined, error);
        throw error;
      }
    },
    openProxy: (proxyOptions) => openGuardedProxy(guard, proxyOptions),
    resolveHost: (host, port, request) => resolveHost(guard, host, port, request),
    get idleConnections() {
      return agents.idle();
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

interface Way {
  readonly guard: Guard;
  readonly agents: Agents;
  readonly userAgent: string;
  readonly patience: Patience;
}

/** Port of an http or https URL. */
export function portOf({ port, protocol }: URL): number {
  return Number(port) || (protocol === 'https:' ? 443 : 80);
}

function toUrl(url: string | URL, base?: URL): URL {
  if (url instanceof URL) return url;
  const parsed = URL.parse(url, base?.href);
  if (!parsed) throw netFailure('url', 'This is not a URL.');
  return parsed;
}

async function follow(first: URL, request: NetRequest, way: Way): Promise<NetResponse> {
  let url = first;
  for (let redirects = 0; ; redirects++) {
    const trusted = request.trusted !== undefined && url.hostname === request.trusted.hostname;
    way.guard.checkUrl(url, trusted);
    const headers = headersFor(url, first, request, way.userAgent);
    const cookie = request.cookies?.header(url, headers.cookie);
    if (cookie !== undefined) headers.cookie = cookie;
    if (request.post) headers['content-length'] = String(request.post.length);
    const message = await sendTwice(url, trusted, headers, way, request);
    const setCookie = message.headers['set-cookie'];
    if (setCookie) request.cookies?.take(url, setCookie);
    const location = message.headers.location;
    const status = message.statusCode ?? 0;
    if (status < 300 || status > 399 || status === 304 || location === undefined || request.post) {
      return reply(message, url, request.maxBytes, way.patience);
    }
    if (redirects >= MAX_REDIRECTS) {
      message.destroy();
      throw netFailure('redirects', `${shownUrl(first)} redirects more than ${MAX_REDIRECTS} times.`);
    }
    await drain(message, way.patience);
    url = toUrl(location, url);
  }
}

/**
 * Reads the body of a redirect if it is small, so that the connection can be reused; closes the connection if
 * it is large.
 */
async function drain(message: IncomingMessage, patience: Patience): Promise<void> {
  try {
    const limits = { url: new URL('redirect:'), maxBytes: MAX_REDIRECT_BODY, patience };
    for await (const _ of readRaw(message, limits));
  } catch {
    patience.throwIfAborted();
  }
}

function headersFor(url: URL, first: URL, request: NetRequest, userAgent: string): Record<string, string> {
  const headers: Record<string, string> = {
    'user-agent': userAgent,
    accept: '*/*',
    'accept-encoding': 'gzip, deflate, br',
    ...(request.traceparent !== undefined && { traceparent: request.traceparent }),
  };
  const home = request.home ?? request.trusted ?? first;
  const atHome = url.origin === home.origin;
  for (const [name, value] of Object.entries(request.headers ?? {})) {
    if (atHome || !isSecretHeader(name)) headers[name.toLowerCase()] = value;
  }
  const user = request.trusted;
  if (user && url.origin === user.origin && (user.username || user.password) && !headers.authorization) {
    const pair = `${unescapePart(user.username)}:${unescapePart(user.password)}`;
    headers.authorization = `Basic ${Buffer.from(pair).toString('base64')}`;
  }
  return headers;
}

function unescapePart(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a single % is literal
  }
}

/** The server may just have closed a kept connection: then the request is sent once more, on a new one. */
async function sendTwice(
  url: URL,
  trusted: boolean,
  headers: Record<string, string>,
  way: Way,
  request: Pick<NetRequest, 'post' | 'method' | 'fresh'>,
): Promise<IncomingMessage> {
  try {
    return await send(url, trusted, headers, way, request);
  } catch (error) {
    if (!(error instanceof StaleConnection) || way.patience.isAborted) throw error;
    return await send(url, trusted, headers, way, { ...request, fresh: true });
  }
}

class StaleConnection extends Error {}

function send(
  url: URL,
  trusted: boolean,
  headers: Record<string, string>,
  way: Way,
  { post, method, fresh = false }: Pick<NetRequest, 'post' | 'method' | 'fresh'>,
): Promise<IncomingMessage> {
  const { patience } = way;
  return new Promise((resolve, reject) => {
    if (patience.isAborted) return reject(patience.reason);
    const module = url.protocol === 'https:' ? https : http;
    const outgoing = module.request({
      method: post ? (method ?? 'POST') : 'GET',
      protocol: url.protocol,
      hostname: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port || undefined,
      path: url.pathname + url.search,
      headers,
      agent: way.agents.of(url, trusted, { fresh }),
      lookup: way.guard.lookup(trusted),
    });
    // Stays during the body too: the caller may read late or never.
    patience.onAbort((reason) => {
      outgoing.destroy(reason as Error);
      reject(reason); // Node reports it only once a request that waits for a connection gets one
    });
    outgoing.once('response', (message) => {
      patience.touch();
      // A broken connection rejects the iteration; before it starts, this handler prevents an uncaught error.
      message.on('error', () => {});
      resolve(message);
    });
    outgoing.on('error', (error) => {
      const reset = (error as NodeJS.ErrnoException).code === 'ECONNRESET' && outgoing.reusedSocket;
      reject(reset ? new StaleConnection('', { cause: error }) : toNetFailure(error, url));
    });
    // Node ends an unrequested change of protocol (RFC 9110, 15.2.2) without an error.
    outgoing.once('upgrade', (_, socket) => {
      socket.destroy();
      reject(netFailure('connection', `${shownUrl(url)} answers with another protocol than HTTP.`));
    });
    outgoing.end(post);
  });
}

function reply(message: IncomingMessage, url: URL, maxBytes: number, patience: Patience): NetResponse {
  const limits = { url, maxBytes, patience };
  const pieces = () => collectBody(message, limits);
  return {
    status: message.statusCode ?? 0,
    headers: message.headers,
    url,
    stream: () => readBody(message, limits),
    pieces,
    async body() {
      const all = await pieces();
      const [only] = all;
      return only && all.length === 1 ? only : concatBytes(all);
    },
    [Symbol.dispose]() {
      patience[Symbol.dispose]();
      if (!message.readableEnded) message.destroy();
    },
  };
}
