/**
 * The lean client: GETs of pulls on bare sockets, because node:http costs more than the rest of a pulled
 * segment.
 * In: a checked URL, headers. Out: a response before redirects. Decision 0128.
 */
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { http } from '../../lib/memory/node-http.ts';
import type { Agents } from '../agents.ts';
import { toNetFailure } from '../failure.ts';
import type { Guard } from '../guard.ts';
import type { Answer } from '../response.ts';
import { type Hop, otherProtocol, StaleConnection } from '../usual-client.ts';
import type { TakeMemory } from './body-store.ts';
import type { Connection, Reading } from './connection.ts';
import { Exchange, OtherProtocol } from './exchange.ts';
import { Pool } from './pool.ts';
import { LeanAnswer } from './reply.ts';

/** Headers that change the connection or the certificate: node:http sends requests with them. */
const unusual: ReadonlySet<string> = new Set([
  ...['connection', 'content-length', 'expect', 'host', 'http2-settings', 'keep-alive', 'proxy-authorization'],
  ...['proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'],
]);

/** Options of the client. */
interface LeanOptions {
  readonly guard: Guard;
  /** They open the sockets, and keep the sessions of TLS. */
  readonly agents: Agents;
  readonly maxPerOrigin: number;
  readonly maxIdlePerOrigin: number;
  readonly mayKeep: () => boolean;
}

/** The client of pulls. */
export class LeanClient {
  readonly #guard: Guard;
  readonly #agents: Agents;
  readonly #pool: Pool;

  constructor({ guard, agents, maxPerOrigin, maxIdlePerOrigin, mayKeep }: LeanOptions) {
    this.#guard = guard;
    this.#agents = agents;
    this.#pool = new Pool({ maxPerOrigin, maxIdlePerOrigin, mayKeep });
  }

  /** Connections that wait for a request. */
  get idle(): number {
    return this.#pool.idle;
  }

  /** Whether it sends a request with these headers. Names are in lower case. */
  sends(headers: Readonly<Record<string, string>>): boolean {
    if (linesOf.has(headers)) return true; // sent before
    for (const name in headers) if (unusual.has(name)) return false;
    return true;
  }

  /**
   * @throws StaleConnection; OxbowError `source-failed` or `address-refused`; the reason of `patience`
   */
  async send(hop: Hop, takeMemory?: TakeMemory): Promise<Answer> {
    const { url, trusted, patience, fresh } = hop;
    patience.throwIfAborted();
    const key = `${trusted ? 'trusted' : 'guarded'} ${url.protocol}//${url.host}`;
    const options = { connect: (reading: Reading) => this.#connect(hop, reading), fresh, patience };
    let connection: Connection;
    try {
      const text = requestOf(hop);
      connection = this.#pool.takeNow(key, options) ?? (await this.#pool.take(key, options));
      return await this.#exchange(connection, text, hop, takeMemory);
    } catch (error) {
      if (error instanceof StaleConnection) throw error;
      throw patience.isAborted ? patience.reason : toNetFailure(error, url);
    }
  }

  async #exchange(connection: Connection, text: string, hop: Hop, takeMemory?: TakeMemory): Promise<Answer> {
    const { url, patience, fresh } = hop;
    const exchange = new Exchange({ patience, takeMemory, onResume: () => connection.resume() });
    if (patience.isAborted) {
      connection.destroy();
      throw patience.reason;
    }
    // Stays during the body too: the caller may read late or never.
    const breakOff = (error?: unknown) => {
      if (!exchange.isDone) connection.destroy(error);
    };
    patience.onAbort(breakOff);
    const isReused = connection.responses > 0;
    connection.send(text, exchange, fresh);
    try {
      const head = await exchange.answered;
      return new LeanAnswer(exchange, head, hop, breakOff);
    } catch (error) {
      if (isReused && exchange.received === 0 && isReset(error)) throw new StaleConnection('', { cause: error });
      throw error instanceof OtherProtocol ? otherProtocol(url) : error;
    }
  }

  #connect({ url, trusted }: Hop, reading: Reading): Duplex {
    const isTls = url.protocol === 'https:';
    const agent = this.#agents.of(url, trusted);
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const options = Object.assign({}, (agent as unknown as { options: object }).options, {
      host,
      port: Number(url.port) || (isTls ? 443 : 80),
      lookup: this.#guard.lookup(trusted),
      servername: isIP(host) === 0 ? host : '',
      timeout: undefined,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 1000,
      onread: isTls ? undefined : reading.onread,
    });
    const key = isTls ? { _agentKey: agent.getName(options) } : {};
    return agent.createConnection(Object.assign(options, key), () => {}) as Duplex;
  }

  /** Closes all connections; current requests fail. */
  close(): void {
    this.#pool.close(new Error('The client was closed.'));
  }
}

function isReset(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ECONNRESET' || code === 'EPIPE';
}

/** The lines of headers that repeat. */
const linesOf = new WeakMap<object, string>();

/**
 * The request as text, one character for each byte: the same bytes as node:http sends.
 *
 * @throws TypeError with the code of node:http for a header that cannot be sent
 */
function requestOf({ url, headers }: Hop): string {
  let lines = linesOf.get(headers);
  if (lines === undefined) {
    lines = '';
    for (const name in headers) {
      const value = headers[name]!;
      http.validateHeaderName(name);
      http.validateHeaderValue(name, value);
      lines += `${name}: ${value}\r\n`;
    }
    linesOf.set(headers, lines);
  }
  return `GET ${url.pathname}${url.search} HTTP/1.1\r\n${lines}Host: ${url.host}\r\nConnection: keep-alive\r\n\r\n`;
}
