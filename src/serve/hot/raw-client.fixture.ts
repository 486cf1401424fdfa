/**
 * A client that sends exact bytes and parses responses as they arrive, so that no library corrects either.
 * In: a server. Out: complete responses in order; the end of the connection. RFC 9112.
 */
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { TestServer } from '../../http/fixture.ts';

/** A response with Content-Length. */
export interface RawAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** A connection. */
export class RawClient implements Disposable {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  #isOver = false;
  #wake: () => void = () => undefined;

  constructor(server: TestServer) {
    const { protocol, hostname, port } = new URL(server.url);
    const where = { host: hostname, port: Number(port) };
    this.#socket =
      protocol === 'https:'
        ? connectTls({ ...where, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] })
        : connectTcp(where);
    this.#socket.on('error', () => {});
    this.#socket.on('data', (bytes: Buffer) => {
      this.#received = Buffer.concat([this.#received, bytes]);
      this.#wake();
    });
    this.#socket.once('close', () => {
      this.#isOver = true;
      this.#wake();
    });
    this.#socket.setNoDelay(true);
  }

  /** Sends text; resolves when the system has taken it. */
  send(text: string): Promise<void> {
    return new Promise((resolve) => this.#socket.write(Buffer.from(text, 'latin1'), () => resolve()));
  }

  /** The next response. @param options.isHead it has no body despite its Content-Length */
  async answer({ isHead = false }: { readonly isHead?: boolean } = {}): Promise<RawAnswer> {
    for (;;) {
      const end = this.#received.indexOf('\r\n\r\n');
      if (end >= 0) {
        const [line = '', ...fields] = this.#received.toString('latin1', 0, end).split('\r\n');
        const headers = new Map(fields.map((field) => splitField(field)));
        const status = Number(line.split(' ')[1]);
        const length = isHead || status === 304 || status === 204 ? 0 : Number(headers.get('content-length') ?? 0);
        if (this.#received.length >= end + 4 + length) {
          const body = this.#received.toString('latin1', end + 4, end + 4 + length);
          this.#received = this.#received.subarray(end + 4 + length);
          return { status, headers, body };
        }
      }
      if (this.#isOver) throw new Error(`the connection ended after ${JSON.stringify(String(this.#received))}`);
      await this.#more();
    }
  }

  /** Resolves with the unparsed rest when the connection has ended. */
  async ended(): Promise<string> {
    while (!this.#isOver) await this.#more();
    return this.#received.toString('latin1');
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

function splitField(field: string): [string, string] {
  const colon = field.indexOf(':');
  return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()];
}
