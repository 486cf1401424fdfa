/**
 * The guarded HTTP client for every outgoing request of oxbow, and checked addresses for every other outgoing
 * connection.
 * In: URLs from administrators, users, playlists and redirects. Out: replies, read within bounds.
 * docs/architecture.md, Outgoing requests. No other code opens outgoing connections; no proxy of the
 * environment is used.
 */
import { parseCidr } from './address.ts';
import { createAgents, MAX_IDLE, MAX_IDLE_PER_HOST, MAX_PER_HOST } from './agents.ts';
import { netFailure, shownUrl, toNetFailure } from './failure.ts';
import { Guard, type Resolve, systemResolve } from './guard.ts';
import { type CheckedHost, type HostRequest, resolveHost } from './host.ts';
import { LeanClient } from './lean/lean-client.ts';
import { Patience } from './patience.ts';
import { type GuardedProxy, openGuardedProxy, type ProxyOptions } from './proxy.ts';
import type { NetRequest } from './request.ts';
import { RequestHeaders } from './request-headers.ts';
import type { Answer, NetResponse } from './response.ts';
import { type Hop, StaleConnection, UsualClient } from './usual-client.ts';

export { Cookies } from './cookies.ts';
export { isRetryable, type NetReason, shownUrl } from './failure.ts';
export type { Resolve, ResolvedAddress } from './guard.ts';
export type { CheckedHost, HostRequest } from './host.ts';
export type { TakeMemory } from './lean/body-store.ts';
export { type GuardedProxy, type ProxyOptions, refusedPhrase } from './proxy.ts';
export type { FetchSubject, NetRequest } from './request.ts';
export { isSecretHeader } from './request-headers.ts';
export type { NetResponse } from './response.ts';

const MAX_REDIRECTS = 5;
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
  const agents = createAgents(options.maxPerHost, () => lean.idle);
  const headersOf = new RequestHeaders(userAgent);
  const usual = new UsualClient(guard, agents);
  const lean = new LeanClient({
    guard,
    agents,
    maxPerOrigin: options.maxPerHost ?? MAX_PER_HOST,
    maxIdlePerOrigin: options.maxPerHost === undefined ? MAX_IDLE_PER_HOST : MAX_IDLE,
    mayKeep: () => idle() < MAX_IDLE,
  });
  const idle = () => agents.idle() + lean.idle;
  const close = async () => {
    agents.close();
    lean.close();
  };
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
        const response = await follow(first, request, { guard, usual, lean, headersOf, patience });
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
      return idle();
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

interface Way {
  readonly guard: Guard;
  readonly usual: UsualClient;
  readonly lean: LeanClient;
  readonly headersOf: RequestHeaders;
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
    const { patience, headersOf } = way;
    let headers = headersOf.of(url, first, request);
    const cookie = request.cookies?.header(url, headers.cookie);
    if (cookie !== undefined) headers = Object.assign({}, headers, { cookie });
    if (request.post) headers = Object.assign({}, headers, { 'content-length': String(request.post.length) });
    const hop = { url, trusted, headers, patience, fresh: request.fresh === true, maxBytes: request.maxBytes };
    const answer = await sendTwice(hop, way, request);
    const { status, location, setCookie } = answer;
    if (setCookie) request.cookies?.take(url, setCookie);
    if (status < 300 || status > 399 || status === 304 || location === undefined || request.post) {
      return answer.reply(url);
    }
    if (redirects >= MAX_REDIRECTS) {
      answer.destroy();
      throw netFailure('redirects', `${shownUrl(first)} redirects more than ${MAX_REDIRECTS} times.`);
    }
    await answer.drain();
    url = toUrl(location, url);
  }
}

/** The server may just have closed a kept connection: then the request is sent once more, on a new one. */
async function sendTwice(hop: Hop, way: Way, request: NetRequest): Promise<Answer> {
  try {
    return await send(hop, way, request);
  } catch (error) {
    if (!(error instanceof StaleConnection) || way.patience.isAborted) throw error;
    return await send(Object.assign({}, hop, { fresh: true }), way, request);
  }
}

function send(hop: Hop, { usual, lean }: Way, request: NetRequest): Promise<Answer> {
  if (request.lean && !request.post && lean.sends(hop.headers)) return lean.send(hop, request.takeMemory);
  return usual.send(hop, request);
}
