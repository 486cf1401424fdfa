/**
 * Requests to a public address as browsers make them: over HTTP/2 where the server offers it. The certificate
 * is reported, not required, so that the other checks can run; no request has credentials.
 * In: an address. Out: facts of TLS, whole answers with their times. RFC 9113; RFC 6455 4.1.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { Agent, request as requestHttps } from 'node:https';
import { connect, isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { waitFor, withDeadline } from '../../../lib/abort.ts';
import { refuseOtherProtocol } from '../../../lib/other-protocol.ts';

const CONNECT_MS = 10_000;
/** Time for a whole answer, unless an option says otherwise, ms. */
const ANSWER_MS = 10_000;
/** Most bytes of an answer. */
const MAX_BYTES = 16 * 1024 * 1024;

/** The TLS connection of a server. */
export interface TlsFacts {
  /** What ALPN chose, e.g. `h2`; undefined: nothing. */
  readonly protocol: string | undefined;
  /** Why browsers refuse the certificate; empty if they accept it. */
  readonly problem: string;
  /** Of the certificate. */
  readonly issuer: string;
  /** When the certificate ends, ms since 1970. */
  readonly validToMs: number;
}

/** An answer, or what came of one. */
export interface PublicAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly text: string;
  /** From the request to the last byte that was read. */
  readonly ms: number;
}

/** How to make a request. */
export interface AskOptions {
  readonly signal: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  /** For answers without an end: whether the text so far is enough. */
  readonly isEnough?: ((text: string) => boolean) | undefined;
}

type Fields = Readonly<Record<string, string>>;
/** An answer without its duration. */
type Received = Omit<PublicAnswer, 'ms'>;

/** A server with open connections; disposing closes them. */
export class PublicServer implements Disposable {
  readonly url: URL;
  /** IP address that accepted the connection. */
  readonly address: string;
  /** Undefined: plain HTTP. */
  readonly tls: TlsFacts | undefined;
  readonly #session: ClientHttp2Session | undefined;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 16 });

  private constructor(url: URL, socket: Socket) {
    this.url = url;
    this.address = socket.remoteAddress ?? '';
    this.tls = url.protocol === 'https:' ? factsOf(socket as TLSSocket) : undefined;
    if (this.tls?.protocol === 'h2') {
      this.#session = connectHttp2(url.origin, { createConnection: () => socket as Duplex });
      this.#session.on('error', () => {}); // each request reports it
    } else socket.destroy();
  }

  /**
   * Connects.
   *
   * @throws the system's error, or a TimeoutError after ten seconds
   */
  static async open(url: URL, { signal }: { readonly signal: AbortSignal }): Promise<PublicServer> {
    using deadline = withDeadline(CONNECT_MS, `the connection to ${url.host}`, { signal });
    const isSecure = url.protocol === 'https:';
    const where = endpointOf(url);
    const socket = isSecure
      ? connectTls({ ...tlsOf(url), ...where, ALPNProtocols: ['h2', 'http/1.1'] })
      : connect(where);
    try {
      await waitFor(once(socket, isSecure ? 'secureConnect' : 'connect'), deadline);
    } catch (error) {
      socket.on('error', () => {});
      socket.destroy();
      throw error;
    }
    return new PublicServer(url, socket);
  }

  /**
   * Makes a GET request.
   *
   * @param path with its query
   * @throws the system's error, a TimeoutError, or an Error for an answer of more than 16 MiB
   */
  async ask(
    path: string,
    { signal, timeoutMs = ANSWER_MS, headers = {}, isEnough }: AskOptions,
  ): Promise<PublicAnswer> {
    const startedMs = performance.now();
    using deadline = withDeadline(timeoutMs, `the answer to ${path}`, { signal });
    try {
      const received = this.#session
        ? await askHttp2(this.#session, path, headers, { signal: deadline.signal, isEnough })
        : await this.#askHttp1(path, headers, { signal: deadline.signal, isEnough });
      return { ...received, ms: performance.now() - startedMs };
    } catch (error) {
      throw deadline.signal.aborted ? deadline.signal.reason : error;
    }
  }

  /**
   * Opens a WebSocket, over HTTP/1.1, and closes it when `isEnough` of its messages has come.
   *
   * @returns status 101, and the messages as they came; otherwise the refusal
   * @throws as `ask`
   */
  async openSocket(path: string, { signal, timeoutMs = ANSWER_MS, isEnough }: AskOptions): Promise<PublicAnswer> {
    const startedMs = performance.now();
    using deadline = withDeadline(timeoutMs, `the WebSocket of ${path}`, { signal });
    const headers = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': randomBytes(16).toString('base64'),
    };
    const outgoing = this.#open(path, headers, deadline.signal);
    try {
      const answered = Promise.withResolvers<readonly [IncomingMessage, AsyncIterable<Buffer>]>();
      outgoing.once('upgrade', (incoming: IncomingMessage, socket: Duplex, first: Buffer) => {
        socket.unshift(first);
        deadline.signal.addEventListener('abort', () => socket.destroy());
        answered.resolve([incoming, socket]);
      });
      outgoing.once('response', (incoming: IncomingMessage) => answered.resolve([incoming, incoming]));
      outgoing.once('error', answered.reject);
      outgoing.end();
      const [incoming, body] = await waitFor(answered.promise, deadline);
      return { ...(await readIncoming(incoming, body, isEnough)), ms: performance.now() - startedMs };
    } catch (error) {
      throw deadline.signal.aborted ? deadline.signal.reason : error;
    } finally {
      outgoing.destroy();
    }
  }

  [Symbol.dispose](): void {
    this.#session?.destroy();
    this.#agent.destroy();
  }

  #open(path: string, headers: Fields, signal: AbortSignal) {
    const options = { ...endpointOf(this.url), path, signal, headers: { ...headers, host: this.url.host } };
    return this.tls ? requestHttps({ ...tlsOf(this.url), ...options, agent: this.#agent }) : requestHttp(options);
  }

  async #askHttp1(path: string, headers: Fields, { signal, isEnough }: AskOptions): Promise<Received> {
    const outgoing = this.#open(path, headers, signal);
    const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>;
    outgoing.on('error', () => {}); // also those after the answer
    refuseOtherProtocol(outgoing);
    outgoing.end();
    const [incoming] = await answered;
    return readIncoming(incoming, incoming, isEnough);
  }
}

async function askHttp2(
  session: ClientHttp2Session,
  path: string,
  headers: Fields,
  { signal, isEnough }: AskOptions,
): Promise<Received> {
  const stream = session.request({ ':path': path, ...headers }, { endStream: true, signal });
  let head: PublicAnswer['headers'] = {};
  // A short answer may end before a promise of its head resolves.
  stream.once('response', (fields) => {
    head = fields as unknown as typeof head;
  });
  const text = await readText(stream, isEnough);
  return { status: Number(head[':status']), headers: head, text };
}

async function readIncoming(
  { statusCode = 0, headers }: IncomingMessage,
  body: AsyncIterable<Buffer>,
  isEnough: AskOptions['isEnough'],
): Promise<Received> {
  const fields = Object.entries(headers).map(([name, value]) => [name, String(value)]);
  return { status: statusCode, headers: Object.fromEntries(fields), text: await readText(body, isEnough) };
}

/** Reads until the end, or until it is enough; then the body is destroyed. */
async function readText(body: AsyncIterable<Buffer>, isEnough: AskOptions['isEnough']): Promise<string> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of body) {
    length += piece.length;
    if (length > MAX_BYTES) throw new Error(`the answer has more than ${MAX_BYTES} bytes`);
    pieces.push(piece);
    if (isEnough?.(String(Buffer.concat(pieces)))) break;
  }
  return String(Buffer.concat(pieces));
}

function endpointOf(url: URL): { readonly host: string; readonly port: number } {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return { host, port: Number(url.port) || (url.protocol === 'https:' ? 443 : 80) };
}

function tlsOf(url: URL): { readonly rejectUnauthorized: false; readonly servername?: string } {
  const { host } = endpointOf(url);
  // RFC 6066 3: no IP addresses.
  return isIP(host) === 0 ? { rejectUnauthorized: false, servername: host } : { rejectUnauthorized: false };
}

function factsOf(socket: TLSSocket): TlsFacts {
  const { issuer, valid_to: validTo } = socket.getPeerCertificate();
  const name = issuer?.O ?? issuer?.CN ?? 'an unknown issuer';
  return {
    protocol: socket.alpnProtocol || undefined,
    problem: socket.authorized ? '' : String(socket.authorizationError),
    issuer: [name].flat().join(', '),
    validToMs: Date.parse(validTo),
  };
}
