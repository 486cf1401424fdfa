/**
 * The one guarded way out: every outgoing HTTP request of oxbow is made here.
 * In: URLs from administrators, users, playlists and redirects. Out: replies, read within bounds. docs/architecture.md, Outgoing requests. No other code opens outgoing connections; no proxy of the environment is used.
 */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { concatBytes } from '../lib/bytes.ts';
import { http, https } from '../lib/memory/node-http.ts';
import { parseCidr } from './address.ts';
import { type Agents, createAgents } from './agents.ts';
import { readBody, readRaw } from './body.ts';
import type { Cookies } from './cookies.ts';
import { netFailure, shownUrl, toNetFailure } from './failure.ts';
import { Guard, type Resolve, systemResolve } from './guard.ts';
import { Patience } from './patience.ts';
import { type GuardedProxy, openGuardedProxy, type ProxyOptions } from './proxy.ts';

export { Cookies } from './cookies.ts';
export { isRetryable, type NetReason, shownUrl } from './failure.ts';
export type { Resolve, ResolvedAddress } from './guard.ts';
export { type GuardedProxy, type ProxyOptions, refusedPhrase } from './proxy.ts';

const MAX_REDIRECTS = 5;
const MAX_REDIRECT_BODY = 64 * 1024;
/** Headers that are sent only to the origin they were meant for. */
const SECRET_HEADER = /auth|bearer|cookie|credential|jwt|key|pass|secret|session|signature|token/i;

/** Whether a header is sent only to the origin it was meant for. */
export function isSecretHeader(name: string): boolean {
  return SECRET_HEADER.test(name);
}

/** How one request is made. */
export interface NetRequest {
  readonly signal: AbortSignal;
  /** Sent by POST, and redirects are given back instead of being followed; a GET where left out. */
  readonly post?: Uint8Array | undefined;
  /** Added to oxbow's own. Secrets among them go only to the origin of `home`, whatever URL a playlist or a redirect names. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Most bytes of the body, as sent and as unpacked. */
  readonly maxBytes: number;
  /** From the call to the last byte, redirects included, ms. */
  readonly deadlineMs: number;
  /** Longest wait for the next byte, ms. A body that comes slower than 1 KiB/s for 10 s ends with `source-failed` too. */
  readonly idleMs: number;
  /** Open a connection for this request alone: the kept one may be what fails. Default false. */
  readonly fresh?: boolean | undefined;
  /** An address that an administrator gave: its host, private or not, is allowed, and its user name and password are sent to its origin. */
  readonly trusted?: URL | undefined;
  /** Whose the headers are; `trusted` when absent, else the URL itself. */
  readonly home?: URL | undefined;
  /** The source's: what its servers set, at every hop, is kept there and sent back to them. */
  readonly cookies?: Cookies | undefined;
  /** The span on whose behalf it is made, told to the other side at every hop; nothing is told where left out. W3C Trace Context, 3.2. */
  readonly traceparent?: string | undefined;
}

/** A reply. Read its body to the end, or dispose it: until then it holds a connection. */
export interface NetResponse extends Disposable {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** After redirects. */
  readonly url: URL;
  /** The whole body. Throws as `stream` does. */
  body(): Promise<Uint8Array>;
  /**
   * The body as it comes. Throws OxbowError `source-failed` when a bound is passed or the connection breaks, and the signal's reason
   * when it aborts.
   */
  stream(): AsyncIterable<Uint8Array>;
}

/** The way out. */
export interface Net extends AsyncDisposable {
  /**
   * GETs `url` (or POSTs to it), following at most 5 redirects, each checked like the first. Any status is a reply.
   *
   * @throws OxbowError `address-refused` for an address that may not be reached, `source-failed` when there is no reply;
   * `extra.retryable` says whether it may be tried again. When aborted, rejects with the signal's reason.
   */
  fetch(url: string | URL, request: NetRequest): Promise<NetResponse>;
  /** Opens a way out for a child process that makes requests of its own; whoever opens it closes it when the child has ended. */
  openProxy(options: ProxyOptions): Promise<GuardedProxy>;
  /** Connections kept for the next request. */
  readonly idleConnections: number;
  /** Drops the connections; requests under way fail. */
  close(): Promise<void>;
}

/** What a `Net` is made with. */
export interface NetOptions {
  /** Ranges of private addresses that may be reached by anyone's URL, e.g. `10.0.0.0/8`. */
  readonly allow: readonly string[];
  /** The resolver; the system's when absent. */
  readonly resolve?: Resolve;
  /** Sent as User-Agent. */
  readonly userAgent?: string;
  /** Told of each reply to a GET how long it took to begin, redirects included, seconds; from which host, with which status, on whose behalf. */
  readonly onReply?: (seconds: number, host: string, status: number, traceparent: string | undefined) => void;
}

/**
 * Makes the way out.
 *
 * @throws OxbowError `bad-setting` when a range cannot be read
 */
export function createNet(options: NetOptions): Net {
  const { allow, resolve = systemResolve, userAgent = 'oxbow', onReply } = options;
  const guard = new Guard(allow.map(parseCidr), resolve);
  const agents = createAgents();
  const close = async () => agents.close();
  return {
    async fetch(url, request) {
      const first = toUrl(url);
      const patience = new Patience(request.deadlineMs, request.idleMs, shownUrl(first), request);
      try {
        const askedAt = performance.now();
        const found = await follow(first, request, { guard, agents, userAgent, patience });
        const seconds = (performance.now() - askedAt) / 1000;
        if (!request.post) onReply?.(seconds, first.host, found.status, request.traceparent);
        return found;
      } catch (error) {
        patience[Symbol.dispose]();
        throw patience.signal.aborted ? patience.signal.reason : toNetFailure(error, first);
      }
    },
    openProxy: (given) => openGuardedProxy(guard, given),
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

function toUrl(url: string | URL, base?: URL): URL {
  const parsed = URL.parse(String(url), base?.href);
  if (!parsed) throw netFailure('url', 'that is not a URL');
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
    request.cookies?.take(url, message.headers['set-cookie'] ?? []);
    const location = message.headers.location;
    const status = message.statusCode ?? 0;
    if (status < 300 || status > 399 || status === 304 || location === undefined || request.post) {
      return reply(message, url, request.maxBytes, way.patience);
    }
    if (redirects >= MAX_REDIRECTS) {
      message.destroy();
      throw netFailure('redirects', `${shownUrl(first)} redirects more than ${MAX_REDIRECTS} times`);
    }
    await drain(message, way.patience);
    url = toUrl(location, url);
  }
}

/** Lets the small body of a redirect run out, so that its connection can be used again; a large one is cut off. */
async function drain(message: IncomingMessage, patience: Patience): Promise<void> {
  try {
    const limits = { url: new URL('redirect:'), maxBytes: MAX_REDIRECT_BODY, patience };
    for await (const _ of readRaw(message, limits));
  } catch {
    patience.signal.throwIfAborted();
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
    return text; // a lone % is meant as it stands
  }
}

/** A kept connection may have been closed by the other side just now: then the request is made again, once, on a new one. */
async function sendTwice(
  url: URL,
  trusted: boolean,
  headers: Record<string, string>,
  way: Way,
  request: Pick<NetRequest, 'post' | 'fresh'>,
): Promise<IncomingMessage> {
  try {
    return await send(url, trusted, headers, way, request);
  } catch (error) {
    if (!(error instanceof StaleConnection) || way.patience.signal.aborted) throw error;
    return await send(url, trusted, headers, way, { ...request, fresh: true });
  }
}

class StaleConnection extends Error {}

function send(
  url: URL,
  trusted: boolean,
  headers: Record<string, string>,
  way: Way,
  { post, fresh = false }: Pick<NetRequest, 'post' | 'fresh'>,
): Promise<IncomingMessage> {
  const { patience } = way;
  return new Promise((resolve, reject) => {
    if (patience.signal.aborted) return reject(patience.signal.reason);
    const module = url.protocol === 'https:' ? https : http;
    const outgoing = module.request({
      method: post ? 'POST' : 'GET',
      protocol: url.protocol,
      hostname: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port || undefined,
      path: url.pathname + url.search,
      headers,
      agent: way.agents.of(url, trusted, { fresh }),
      lookup: way.guard.lookup(trusted),
    });
    // Stays for the body too: whoever asked may read late or never.
    const onAbort = () => outgoing.destroy(patience.signal.reason);
    patience.signal.addEventListener('abort', onAbort, { once: true });
    outgoing.once('close', () => patience.signal.removeEventListener('abort', onAbort));
    outgoing.once('response', (message) => {
      patience.touch();
      // A connection that breaks tells the reader by the iteration; before there is one it has nobody to tell.
      message.on('error', () => {});
      resolve(message);
    });
    outgoing.on('error', (error) => {
      const reset = (error as NodeJS.ErrnoException).code === 'ECONNRESET' && outgoing.reusedSocket;
      reject(reset ? new StaleConnection('', { cause: error }) : toNetFailure(error, url));
    });
    outgoing.end(post);
  });
}

function reply(message: IncomingMessage, url: URL, maxBytes: number, patience: Patience): NetResponse {
  const stream = () => readBody(message, { url, maxBytes, patience });
  return {
    status: message.statusCode ?? 0,
    headers: message.headers,
    url,
    stream,
    async body() {
      const pieces: Uint8Array[] = [];
      for await (const piece of stream()) pieces.push(piece);
      const [only] = pieces;
      return only && pieces.length === 1 ? only : concatBytes(pieces);
    },
    [Symbol.dispose]() {
      patience[Symbol.dispose]();
      if (!message.readableEnded) message.destroy();
    },
  };
}
