/**
 * The responses of the lean client, with their bodies within bounds.
 * In: an exchange. Out: responses like those of node:http. RFC 9110, 8.4.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { concatBytes } from '@oxbow/media/bytes';
import { tooLarge, unpack, unpackWhole } from '../body.ts';
import { toNetFailure } from '../failure.ts';
import type { Answer, NetResponse } from '../response.ts';
import { type Hop, MAX_REDIRECT_BODY } from '../usual-client.ts';
import type { Exchange } from './exchange.ts';
import { type Head, headersOf } from './head.ts';

/** A response whose head has arrived. */
export class LeanAnswer implements Answer, NetResponse {
  readonly #exchange: Exchange;
  readonly #head: Head;
  readonly #hop: Hop;
  readonly #breakOff: () => void;
  #url: URL;
  #headers: IncomingHttpHeaders | undefined;
  readonly status: number;

  /** @param breakOff closes the connection if the response has not ended */
  constructor(exchange: Exchange, head: Head, hop: Hop, breakOff: () => void) {
    this.#exchange = exchange;
    this.#head = head;
    this.#hop = hop;
    this.#breakOff = breakOff;
    this.#url = hop.url;
    this.status = head.status;
  }

  get location(): string | undefined {
    return this.#head.location;
  }

  get setCookie(): readonly string[] | undefined {
    return this.#head.cookies;
  }

  get url(): URL {
    return this.#url;
  }

  /** Made when it is first read: most readers need only the status. */
  get headers(): IncomingHttpHeaders {
    this.#headers ??= headersOf(this.#head);
    return this.#headers;
  }

  reply(url: URL): NetResponse {
    this.#url = url;
    return this;
  }

  async drain(): Promise<void> {
    const { end } = this.#head;
    try {
      if (typeof end === 'number' && end > MAX_REDIRECT_BODY) this.#breakOff();
      else if (!(await this.#exchange.collect(MAX_REDIRECT_BODY))) this.#breakOff();
    } catch {
      this.#hop.patience.throwIfAborted();
    }
  }

  destroy(): void {
    this.#breakOff();
  }

  async pieces(): Promise<Uint8Array[]> {
    const { patience, maxBytes } = this.#hop;
    try {
      patience.throwIfAborted();
      if (Number(this.#head.end) > maxBytes) throw this.#tooLarge();
      const pieces = await this.#exchange.collect(maxBytes);
      if (!pieces) throw this.#tooLarge();
      const { encoding } = this.#head;
      if (encoding === '') return pieces;
      return await unpackWhole(pieces, encoding, { url: this.#url, maxBytes });
    } catch (error) {
      throw this.#failure(error);
    } finally {
      this[Symbol.dispose]();
    }
  }

  async body(): Promise<Uint8Array> {
    const all = await this.pieces();
    const [only] = all;
    return only && all.length === 1 ? only : concatBytes(all);
  }

  async *stream(): AsyncGenerator<Uint8Array, void> {
    const { patience, maxBytes } = this.#hop;
    const { encoding } = this.#head;
    try {
      patience.throwIfAborted();
      const raw = this.#raw();
      yield* encoding === '' ? raw : unpack(raw, encoding, { url: this.#url, maxBytes });
    } catch (error) {
      throw this.#failure(error);
    } finally {
      this[Symbol.dispose]();
    }
  }

  async *#raw(): AsyncGenerator<Uint8Array, void> {
    const { patience, maxBytes } = this.#hop;
    let received = 0;
    if (Number(this.#head.end) > maxBytes) throw this.#tooLarge();
    for (let pieces = await this.#exchange.next(); pieces; pieces = await this.#exchange.next()) {
      for (const piece of pieces) {
        received += piece.length;
        if (received > maxBytes) throw this.#tooLarge();
        patience.rest();
        yield piece;
        patience.goOn();
      }
    }
  }

  #tooLarge(): Error {
    return tooLarge({ url: this.#url, maxBytes: this.#hop.maxBytes });
  }

  #failure(error: unknown): unknown {
    const { patience } = this.#hop;
    return patience.isAborted ? patience.reason : toNetFailure(error, this.#url);
  }

  [Symbol.dispose](): void {
    this.#hop.patience[Symbol.dispose]();
    if (!this.#exchange.isDone) this.#breakOff();
  }
}
