/**
 * The client of an RTSP server, from the connection to the end of the session.
 * In: an address, a function that connects. Out: the session description; packets of the media that were set
 * up; keep-alive; the end. RFC 2326 10 and 11, RFC 7616 (Digest). Redirects are followed, each by
 * another connection.
 */
import type { Duplex } from 'node:stream';
import { Authenticator, isStale, parseChallenges } from './authentication.ts';
import { RtspConnection } from './connection.ts';
import { parseSession, type RtspFields, type RtspResponse, type RtspSessionId } from './message.ts';
import { parseRtspUrl, type RtspAddress } from './rtsp-url.ts';
import { baseUrl, parseTransport, type RtspTransportField } from './transport.ts';

/** TEARDOWN waits this long for its response, ms. */
const TEARDOWN_MS = 1000;
const MAX_REDIRECTS = 5;
/** Longest interval of the keep-alive, ms; shorter where the server forgets sessions sooner. */
const MAX_KEEP_ALIVE_MS = 30_000;
const MIN_KEEP_ALIVE_MS = 500;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** How a connection is opened. */
interface RtspConnectOptions {
  /** Ends the attempt. */
  readonly signal: AbortSignal;
  /**
   * Receives the bytes; the socket then has no `data` events.
   *
   * @param bytes overwritten after the call
   * @returns false: nothing is read until `resume` of the socket, except with TLS
   */
  readonly onBytes: (bytes: Uint8Array) => boolean;
}

interface RtspClientOptions {
  readonly address: RtspAddress;
  /** Sent with each request, e.g. `oxbow/0.1.0`. */
  readonly userAgent: string;
  /**
   * Connects to a host within a time that it chooses, with TLS where the address has it. Called for each
   * redirect too: it checks the host.
   */
  readonly connect: (address: RtspAddress, options: RtspConnectOptions) => Promise<Duplex>;
  /**
   * Reads what waits in a connected socket, without waiting.
   *
   * @returns false if it cannot: the socket then reads
   */
  readonly read?: (socket: Duplex, onBytes: RtspConnectOptions['onBytes']) => boolean;
  /** A packet of interleaved media. @param packet may be kept, must not be changed */
  readonly packet: (channel: number, packet: Uint8Array) => void;
}

/** The server refused a request. */
export class RtspRefused extends Error {
  override readonly name = 'RtspRefused';
  /** E.g. 404; 401 where user name and password are missing or wrong. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** A connection to a server that has described its media. */
export class RtspClient {
  readonly #address: RtspAddress;
  readonly #connection: RtspConnection;
  readonly #read: ((socket: Duplex) => boolean) | undefined;
  #authenticator: Authenticator | undefined;
  #session: RtspSessionId | undefined;
  #aliveMethod = 'OPTIONS';
  #timer: NodeJS.Timeout | undefined;
  /** The session description; empty before it came. */
  description = '';
  /** The base of relative addresses of the description. */
  base: string;

  private constructor({ packet, userAgent, read }: RtspClientOptions, address: RtspAddress, socket: Duplex) {
    this.#address = address;
    this.base = address.requestUrl;
    this.#connection = new RtspConnection(socket, userAgent, {
      packet,
      redirected: () => this.close('asks to connect again'),
    });
    const onBytes = (bytes: Uint8Array) => this.#connection.push(bytes);
    this.#read = read && ((from) => read(from, onBytes));
    void this.closed.then(() => clearInterval(this.#timer));
  }

  /**
   * Connects and requests the description of the media, following redirects. The caller closes the client.
   *
   * @throws RtspRefused if the server refuses; FormatError for an invalid redirect; errors of `connect`; an
   *   Error if the server does not answer; the signal's reason
   */
  static async open(options: RtspClientOptions, { signal }: { signal: AbortSignal }): Promise<RtspClient> {
    let { address } = options;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const client = await RtspClient.#connect(options, address, signal);
      const onAbort = () => client.close();
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        signal.throwIfAborted();
        const location = await client.#describe();
        if (location === undefined) return client;
        const next = withCredentials(parseRtspUrl(location), options.address);
        if (address.isSecure && !next.isSecure) throw new RtspRefused(310, 'redirects to an address without TLS');
        address = next;
      } catch (error) {
        client.close();
        signal.throwIfAborted();
        throw error;
      } finally {
        signal.removeEventListener('abort', onAbort);
      }
      client.close();
    }
    throw new RtspRefused(310, `redirects more than ${MAX_REDIRECTS} times`);
  }

  static async #connect(options: RtspClientOptions, address: RtspAddress, signal: AbortSignal): Promise<RtspClient> {
    let client: RtspClient | undefined;
    const onBytes = (bytes: Uint8Array) => (client ? client.#connection.push(bytes) : true);
    client = new RtspClient(options, address, await options.connect(address, { signal, onBytes }));
    return client;
  }

  /** Resolves with the reason when the connection has ended; never rejects. */
  get closed(): Promise<string> {
    return this.#connection.closed;
  }

  /**
   * Sets up one media.
   *
   * @param url of its `a=control`
   * @param transport as `printInterleaved` and `printDatagrams` print it
   * @param fields further ones, such as `Require`
   * @returns the choice of the server
   * @throws RtspRefused, with status 461 where the server does not offer this transport; an Error without a
   *   usable answer
   */
  async setup(url: string, transport: string, fields: RtspFields = {}): Promise<RtspTransportField> {
    const response = await this.#done('SETUP', url, { ...fields, Transport: transport });
    this.#session = parseSession(response.headers.get('session')) ?? this.#session;
    const chosen = parseTransport(response.headers.get('transport'));
    if (!chosen) throw new Error('answered SETUP without a usable transport');
    return chosen;
  }

  /**
   * Starts all media that were set up, and the keep-alive.
   *
   * @param url of the session
   * @param fields of a replay; the default is the present of a live source, or the start of a file
   * @returns what the server says of the media: header fields by their names in lower case
   * @throws RtspRefused
   */
  async play(url: string, fields: RtspFields = { Range: 'npt=0.000-' }): Promise<RtspResponse['headers']> {
    const { headers } = await this.#done('PLAY', url, fields);
    const halfMs = (this.#session?.timeoutMs ?? 60_000) / 2;
    const everyMs = Math.min(Math.max(halfMs, MIN_KEEP_ALIVE_MS), MAX_KEEP_ALIVE_MS);
    this.#timer = setInterval(() => void this.#keepAlive(url), everyMs);
    return headers;
  }

  /** Reads waiting bytes, see `RtspConnection.drain`. */
  drain(): void {
    this.#connection.drain(this.#read);
  }

  /** Sends RTCP on a channel of the connection. */
  send(channel: number, packet: Uint8Array): void {
    this.#connection.send(channel, packet);
  }

  /** Ends the session and closes. Never throws. */
  async teardown(url: string): Promise<void> {
    clearInterval(this.#timer);
    const timer = setTimeout(() => this.close(), TEARDOWN_MS);
    await this.#call('TEARDOWN', url, {}).catch(() => undefined);
    clearTimeout(timer);
    this.close();
  }

  /** Closes at once. May be called twice. */
  close(reason?: string): void {
    this.#connection.close(reason);
  }

  /** @returns where the server redirects to; undefined once the description is here */
  async #describe(): Promise<string | undefined> {
    const { requestUrl } = this.#address;
    const options = await this.#call('OPTIONS', requestUrl, {});
    const methods = (options.headers.get('public') ?? '').split(',').map((each) => each.trim().toUpperCase());
    if (methods.includes('GET_PARAMETER')) this.#aliveMethod = 'GET_PARAMETER';
    const response = await this.#call('DESCRIBE', requestUrl, { Accept: 'application/sdp' });
    const location = response.headers.get('location');
    if (REDIRECTS.has(response.status) && location !== undefined) return location;
    assertDone('DESCRIBE', response);
    this.description = new TextDecoder().decode(response.body);
    this.base = baseUrl(requestUrl, response.headers.get('content-base'), response.headers.get('content-location'));
    return undefined;
  }

  /** A server that does not answer is ended by its silence, not by this. */
  async #keepAlive(url: string): Promise<void> {
    try {
      const { status } = await this.#call(this.#aliveMethod, url, {});
      if (status === 454) this.close('has ended the session');
      else if (status >= 400) this.#aliveMethod = 'OPTIONS';
    } catch (error) {
      if (error instanceof RtspRefused) this.close(error.message);
    }
  }

  async #done(method: string, url: string, fields: RtspFields): Promise<RtspResponse> {
    const response = await this.#call(method, url, fields);
    assertDone(method, response);
    return response;
  }

  /** A request with the session and authentication. @throws RtspRefused with status 401 */
  async #call(method: string, url: string, fields: RtspFields): Promise<RtspResponse> {
    for (let attempt = 0; ; attempt++) {
      const { user, password } = this.#address;
      const authorization = this.#authenticator?.answer({ user, password, method, url });
      const headers = { ...fields, Session: this.#session?.id, Authorization: authorization };
      const response = await this.#connection.request(method, url, headers);
      if (response.status !== 401) return response;
      const challenges = parseChallenges(response.headers.get('www-authenticate') ?? '');
      // A server that wants a newer nonce says so; where it does not, one more attempt shows whether that was
      // the reason.
      const mayRetry = attempt === 0 || (attempt === 1 && isStale(challenges));
      if (user === '' && password === '') throw new RtspRefused(401, 'needs a user name and password');
      if (!mayRetry) throw new RtspRefused(401, 'refuses the user name and password');
      this.#authenticator = Authenticator.of(challenges);
      if (!this.#authenticator) throw new RtspRefused(401, 'wants an authentication that oxbow does not support');
    }
  }
}

/**
 * User name and password of the configured address are only for its server, not for others that it redirects
 * to.
 */
function withCredentials(next: RtspAddress, home: RtspAddress): RtspAddress {
  const isHome = next.host === home.host && next.port === home.port && next.isSecure === home.isSecure;
  return isHome ? { ...next, user: home.user, password: home.password } : next;
}

function assertDone(method: string, { status, reason }: RtspResponse): void {
  if (status >= 200 && status <= 299) return;
  const words = /^[\x20-\x7e]{1,80}$/.test(reason) ? ` ${reason}` : '';
  throw new RtspRefused(status, `answers ${method} with ${status}${words}`);
}
