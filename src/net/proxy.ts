/**
 * A guarded forward proxy on this computer for one child process that sends its own requests.
 * In: CONNECT for https and absolute-form requests for http, with the password of its URL. Out: connections
 * that the guard allows, within bounds. RFC 9110, 7.6 and 9.3.6; RFC 9112, 3.2.2.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, Server, ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { OxbowError } from '../lib/errors.ts';
import { http } from '../lib/memory/node-http.ts';
import { netFailure, toNetFailure } from './failure.ts';
import type { Guard } from './guard.ts';

const MAX_BYTES = 64 * 1024 * 1024;
const MAX_CONNECTIONS = 32;
const MAX_HEADER_BYTES = 64 * 1024;
const IDLE_MS = 30_000;
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST']);
/** Fields that belong to one connection (RFC 9110, 7.6.1). */
const OWN_FIELDS =
  /^(connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|expect|http2-settings|alt-svc)$/;

/** Reason phrase of requests refused by oxbow, to distinguish them from errors of the site. */
export const refusedPhrase = 'oxbow-refused';

export interface ProxyOptions {
  /** A URL configured by an administrator: its host is allowed even if private. */
  readonly trusted?: URL | undefined;
  /** Lifetime, ms; then all connections are closed. */
  readonly deadlineMs: number;
  /** Longest time without a byte on a connection, ms; default 30 s. */
  readonly idleMs?: number | undefined;
  /** Most bytes of all connections together, both ways; default 64 MiB. */
  readonly maxBytes?: number | undefined;
  /** Most connections at a time; default 32. */
  readonly maxConnections?: number | undefined;
}

/** A proxy that is open. */
export interface GuardedProxy extends AsyncDisposable {
  /** `http://user:password@127.0.0.1:port`: a secret, for as long as the proxy is open. */
  readonly url: string;
  /** Reason of the last refused request: an address, or an exceeded limit. */
  readonly refusal: OxbowError | undefined;
  /** Closes every connection and stops listening. */
  close(): Promise<void>;
}

/** Opens a proxy on a free port of 127.0.0.1, with a random password. */
export async function openGuardedProxy(guard: Guard, options: ProxyOptions): Promise<GuardedProxy> {
  const proxy = new ForwardProxy(guard, options);
  await proxy.listen();
  return proxy;
}

class ForwardProxy implements GuardedProxy {
  readonly #guard: Guard;
  readonly #trusted: URL | undefined;
  readonly #idleMs: number;
  readonly #maxBytes: number;
  readonly #maxConnections: number;
  readonly #server: Server;
  readonly #deadline: NodeJS.Timeout;
  readonly #password = randomBytes(24).toString('hex');
  readonly #wanted: Buffer;
  /** Connections of the child, and those to its targets. */
  readonly #clients = new Set<Duplex>();
  readonly #ways = new Set<{ destroy(): unknown }>();
  #bytes = 0;
  #refusal: OxbowError | undefined;
  /** Set when a limit was exceeded: no further requests are allowed. */
  #over: OxbowError | undefined;
  #closed: Promise<void> | undefined;

  constructor(guard: Guard, options: ProxyOptions) {
    this.#guard = guard;
    this.#trusted = options.trusted;
    this.#idleMs = options.idleMs ?? IDLE_MS;
    this.#maxBytes = options.maxBytes ?? MAX_BYTES;
    this.#maxConnections = options.maxConnections ?? MAX_CONNECTIONS;
    this.#wanted = Buffer.from(`Basic ${Buffer.from(`oxbow:${this.#password}`).toString('base64')}`);
    this.#server = http.createServer({ maxHeaderSize: MAX_HEADER_BYTES, headersTimeout: this.#idleMs });
    this.#server.maxConnections = this.#maxConnections;
    this.#server.on('connection', (socket) => this.#watch(socket));
    this.#server.on('request', (request, response) => this.#forward(request, response));
    this.#server.on('connect', (request, socket, head) => this.#tunnel(request, socket as Socket, head));
    this.#deadline = setTimeout(() => {
      this.#stop(netFailure('deadline', `The proxy was open for longer than ${options.deadlineMs} ms.`));
    }, options.deadlineMs);
  }

  async listen(): Promise<void> {
    try {
      this.#server.listen(0, '127.0.0.1');
      await once(this.#server, 'listening');
    } catch (error) {
      clearTimeout(this.#deadline);
      throw error;
    }
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://oxbow:${this.#password}@127.0.0.1:${port}`;
  }

  get refusal(): OxbowError | undefined {
    return this.#refusal;
  }

  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      clearTimeout(this.#deadline);
      this.#server.close(() => resolve());
      this.#cut();
    });
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #watch(socket: Socket): void {
    this.#clients.add(socket);
    socket.setTimeout(this.#idleMs, () => socket.destroy());
    socket.once('close', () => this.#clients.delete(socket));
  }

  #cut(): void {
    for (const socket of this.#clients) socket.destroy();
    for (const way of this.#ways) way.destroy();
  }

  #stop(why: OxbowError): void {
    this.#over ??= why;
    this.#refusal = this.#over;
    this.#cut();
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > this.#maxBytes)
      this.#stop(netFailure('too-large', `More than ${this.#maxBytes} bytes were transferred.`));
  }

  /** Whether the request has the password; compared in constant time. */
  #isKnown({ headers }: IncomingMessage): boolean {
    const credentials = Buffer.from(headers['proxy-authorization'] ?? '');
    return credentials.length === this.#wanted.length && timingSafeEqual(credentials, this.#wanted);
  }

  #isTrusted(url: URL): boolean {
    return url.hostname === this.#trusted?.hostname;
  }

  /** Why a request is refused, or undefined. */
  #refuse(request: IncomingMessage, url: URL | undefined): Answer | undefined {
    if (!this.#isKnown(request)) return unknown;
    if (!url) return [400, 'Bad Request'];
    if (this.#ways.size >= this.#maxConnections) return [503, 'Service Unavailable'];
    try {
      if (this.#over) throw this.#over;
      this.#guard.checkUrl(url, this.#isTrusted(url));
      return undefined;
    } catch (error) {
      return this.#failed(error, url);
    }
  }

  /** 403 if oxbow refused, 502 if the server could not be reached. */
  #failed(error: unknown, url: URL): Answer {
    const failure = toNetFailure(error, url);
    if (failure.code !== 'address-refused' && failure !== this.#over) return [502, 'Bad Gateway'];
    this.#refusal = failure;
    return [403, refusedPhrase];
  }

  #tunnel(request: IncomingMessage, client: Socket, head: Buffer): void {
    client.on('error', () => client.destroy());
    const answer = ([status, phrase, [name, value] = ['content-length', '0']]: Answer) => {
      client.end(`HTTP/1.1 ${status} ${phrase}\r\n${name}: ${value}\r\nconnection: close\r\n\r\n`);
      client.destroySoon();
    };
    const url = authorityOf(request.url ?? '');
    const refused = this.#refuse(request, url);
    if (refused || !url) {
      answer(refused ?? [400, 'Bad Request']);
      return;
    }
    const way = connect({
      host: hostOf(url),
      port: Number(url.port || 443),
      lookup: this.#guard.lookup(this.#isTrusted(url)),
    });
    this.#ways.add(way);
    let isOpen = false;
    way.setTimeout(this.#idleMs, () => way.destroy(netFailure('idle', `${url.host} sent nothing.`)));
    way.once('connect', () => {
      isOpen = true;
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      if (head.length > 0) client.unshift(head);
      for (const side of [client, way]) side.on('data', (chunk: Buffer) => this.#count(chunk.length));
      client.pipe(way).pipe(client);
    });
    way.on('error', (error) => {
      if (isOpen) client.destroy();
      else answer(this.#failed(error, url));
    });
    way.once('close', () => {
      this.#ways.delete(way);
      client.destroySoon();
    });
    client.once('close', () => way.destroy());
  }

  #forward(request: IncomingMessage, response: ServerResponse): void {
    const answer = ([status, phrase, [name, value] = ['content-length', '0']]: Answer) => {
      if (response.headersSent) response.destroy();
      else response.writeHead(status, phrase, { [name]: value, connection: 'close' }).end();
    };
    const { method = '' } = request;
    const url = targetOf(request.url ?? '');
    const refused = this.#refuse(request, url) ?? (METHODS.has(method) ? undefined : notAllowed);
    if (refused || !url) {
      answer(refused ?? [400, 'Bad Request']);
      return;
    }
    const way = http.request({
      host: hostOf(url),
      port: url.port || 80,
      method,
      path: url.pathname + url.search,
      headers: { ...passedOn(request.headers), host: url.host, connection: 'close' },
      agent: false,
      maxHeaderSize: MAX_HEADER_BYTES,
      lookup: this.#guard.lookup(this.#isTrusted(url)),
    });
    this.#ways.add(way);
    way.setTimeout(this.#idleMs, () => way.destroy(netFailure('idle', `${url.host} sent nothing.`)));
    way.once('response', (message) => {
      message.on('data', (chunk: Buffer) => this.#count(chunk.length));
      message.on('error', () => response.destroy());
      try {
        const fields = { ...passedOn(message.headers), connection: 'close' } as OutgoingHttpHeaders;
        response.writeHead(message.statusCode ?? 502, message.statusMessage, fields);
      } catch (error) {
        way.destroy(error as Error); // an invalid status or field
        return;
      }
      message.pipe(response);
    });
    way.on('error', (error) => answer(this.#failed(error, url)));
    way.once('close', () => {
      this.#ways.delete(way);
      if (!response.headersSent) answer([502, 'Bad Gateway']);
    });
    response.once('close', () => way.destroy());
    request.on('data', (chunk: Buffer) => this.#count(chunk.length));
    request.pipe(way);
  }
}

type Answer = readonly [status: number, phrase: string, field?: readonly [name: string, value: string]];

const unknown: Answer = [407, 'Proxy Authentication Required', ['proxy-authenticate', 'Basic realm="oxbow"']];
const notAllowed: Answer = [405, 'Method Not Allowed', ['allow', [...METHODS].join(', ')]];

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

/**
 * The target of any other request: an absolute address (RFC 9112, 3.2.2), but not of https, which comes by
 * CONNECT.
 */
function targetOf(text: string): URL | undefined {
  const url = URL.parse(text);
  return url?.protocol === 'https:' ? undefined : (url ?? undefined);
}

/** The target of CONNECT: `host:port` and nothing else (RFC 9112, 3.2.3). */
function authorityOf(text: string): URL | undefined {
  if (!/^(\[[0-9a-f:.]{2,45}\]|[\w.-]{1,255}):\d{1,5}$/i.test(text)) return undefined;
  return URL.parse(`https://${text}`) ?? undefined;
}

function passedOn(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const named = String(headers.connection ?? '')
    .toLowerCase()
    .split(',')
    .map((name) => name.trim());
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !OWN_FIELDS.test(name) && !named.includes(name)),
  );
}
