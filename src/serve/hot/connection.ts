/**
 * One HTTP/1.1 connection. A live request is answered from the response cache at once, or when its media
 * exists; node:http's request and response objects serve any other request on the same socket; a request that
 * the parser does not accept moves the connection to node:http for good.
 * In: a socket, plain or TLS. Out: responses in the order of the requests. RFC 9112 9.3; docs/media.md
 * 27, 28.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { PendingReply } from '../../delivery/live/pending-reply.ts';
import type { Reply } from '../../delivery/reply.ts';
import { createNodeExchange, type NodeExchange } from './node-exchange.ts';
import type { PendingReplies, Waiter, WaitGroup } from './pending-replies.ts';
import type { RawResponse } from './raw-response.ts';
import {
  type ClientHeaders,
  parseClientHeaders,
  parseRequestLine,
  type RequestLine,
  targetEndOf,
} from './request-head.ts';
import type { HotClient, HotResponse } from './response-cache.ts';

/** A new connection that sends nothing is closed after this long, ms. */
const FIRST_REQUEST_MS = 15_000;
/** A connection without a request is closed after this long, ms. */
const IDLE_MS = 75_000;
/** A client that reads nothing of its unsent bytes is disconnected after this long, ms. */
const STALL_MS = 30_000;
/** Unsent bytes of one client; beyond it no further request is read. */
const MAX_UNSENT_BYTES = 2_000_000;
/** Bytes that a client may send ahead while a request is in progress; then the socket is paused. */
const MAX_RECEIVED_BYTES = 16 * 1024;

const NOTHING = Buffer.alloc(0);

/** The slow path, for requests that a connection does not answer itself. */
export interface SlowPath {
  /** Answers a request. */
  onRequest(request: IncomingMessage, response: ServerResponse): void;
  /** Refuses a pending request. */
  refuse(request: IncomingMessage, response: ServerResponse, reason: unknown): void;
  /** Moves the connection to node:http; none of its bytes were consumed. */
  handOver(socket: Socket): void;
}

/** The result for a target: a response, or a pending reply. */
export interface Found {
  readonly result: RawResponse | PendingReply;
}

/** Finds responses by target: `ResponseCache`, or the copies of an edge. */
export interface ResponseFinder<F extends Found> {
  /** The result; undefined if the slow path must answer. */
  find(target: string, takesGzip: boolean, client: HotClient): F | undefined;
  /** The response for a reply that was pending; undefined if the slow path must answer. */
  rawResponseOf(reply: Reply, match: F, takesGzip: boolean): RawResponse | undefined;
}

/** The responder of a connection. */
export interface ConnectionHost<F extends Found = HotResponse> extends SlowPath {
  readonly cache: ResponseFinder<F>;
  readonly pendingReplies: PendingReplies;
  /**
   * Whether the client gets the common response: the server's host name, no foreign page. The slow path
   * decides otherwise.
   */
  isCommon(headers: ClientHeaders): boolean;
  /** IP address of the client. */
  addressOf(headers: ClientHeaders, socket: Socket): string;
  /** Country of the client; undefined: unknown. */
  countryOf(headers: ClientHeaders, socket: Socket): string | undefined;
  /** Unix seconds. */
  nowS(): number;
  /** Counts a pending request; returns how to end that. Throws the OxbowError of the limit. */
  startWaiting(headers: ClientHeaders, socket: Socket): () => void;
  /** Counts a response. @param waitedMs 0 if it was not pending */
  served(
    match: F,
    response: RawResponse,
    request: { target: string; headers: ClientHeaders; socket: Socket; waitedMs: number },
  ): void;
  /** Takes the report of a player; undefined if the slow path must answer. */
  report(target: string, headers: ClientHeaders, socket: Socket, client: HotClient): RawResponse | undefined;
  /** The server is closing: no connection is kept for another request. */
  readonly isClosing: boolean;
}

/** A pending request. There may be thousands: one small object each. */
interface Waiting<F extends Found> {
  readonly line: RequestLine;
  readonly headers: ClientHeaders;
  readonly match: F;
  readonly group: WaitGroup;
  readonly stopCounting: () => void;
  readonly startedMs: number;
  /**
   * The written response; undefined if the slow path must answer, for example because the media has left
   * memory.
   */
  response: RawResponse | undefined;
}

export class HotConnection<F extends Found = HotResponse> implements Waiter, HotClient {
  readonly #socket: Socket;
  readonly #host: ConnectionHost<F>;
  /** The last header block, parsed: a player sends the same with each request. */
  #headBytes = NOTHING;
  #headers: ClientHeaders | undefined;
  /** Received while a request was in progress. */
  #received: Buffer[] = [];
  #receivedBytes = 0;
  #isBusy = false;
  #isEnded = false;
  #exchange: NodeExchange | undefined;
  #waiting: Waiting<F> | undefined;
  readonly #onEnded: () => void;
  #timeoutMs = 0;

  /** @param onEnded called once, when the connection was closed or moved to node:http */
  constructor(socket: Socket, host: ConnectionHost<F>, onEnded: () => void) {
    this.#socket = socket;
    this.#host = host;
    this.#onEnded = onEnded;
    this.#setTimeout(FIRST_REQUEST_MS);
    socket.on('timeout', this.#onTimeout);
    socket.on('data', this.#onData);
    socket.on('drain', this.#onDrain);
    socket.on('end', this.#onEnd);
    socket.on('error', this.#onError);
    socket.once('close', this.#onClose);
  }

  /** No request is in progress. */
  get isIdle(): boolean {
    return !this.#isBusy;
  }

  /** See HotClient. */
  get clientHeaders(): object | undefined {
    return this.#headers;
  }

  /** See HotClient. */
  get clientAddress(): string {
    return this.#host.addressOf(this.#headers!, this.#socket);
  }

  /** See HotClient. */
  get clientCountry(): string | undefined {
    return this.#host.countryOf(this.#headers!, this.#socket);
  }

  /** Closes it at once. */
  destroy(): void {
    this.#socket.destroy();
  }

  readonly #onData = (bytes: Buffer): void => {
    if (!this.#isBusy) {
      this.#handle(bytes);
      return;
    }
    this.#received.push(bytes);
    this.#receivedBytes += bytes.length;
    if (this.#receivedBytes > MAX_RECEIVED_BYTES) this.#socket.pause();
  };

  #handle(bytes: Buffer): void {
    const end = targetEndOf(bytes);
    const line = end < 0 ? undefined : parseRequestLine(bytes.toString('latin1', 0, end));
    if (line && bytes.compare(this.#headBytes, 0, this.#headBytes.length, end) !== 0) {
      this.#headers = parseClientHeaders(bytes.toString('latin1', end));
      this.#headBytes = Buffer.from(bytes.subarray(end));
    }
    const headers = this.#headers;
    if (!line || !headers) {
      this.#moveToNode(bytes);
      return;
    }
    const isHot = headers.isPlain && this.#host.isCommon(headers) && !this.#host.isClosing;
    if (line.method === 'POST') {
      const answer = isHot ? this.#host.report(line.target, headers, this.#socket, this) : undefined;
      if (answer) this.#write(answer);
      else this.#answerWithNode(line, headers);
      return;
    }
    const match =
      line.method === 'GET' && isHot ? this.#host.cache.find(line.target, headers.takesGzip, this) : undefined;
    if (!match) this.#answerWithNode(line, headers);
    else if ('look' in match.result) this.#wait(line, headers, match, match.result);
    else {
      this.#write(match.result);
      this.#host.served(match, match.result, { target: line.target, headers, socket: this.#socket, waitedMs: 0 });
    }
  }

  /** Sets the inactivity timeout, ms; 0: none. */
  #setTimeout(ms: number): void {
    if (this.#timeoutMs === ms) return;
    this.#timeoutMs = ms;
    this.#socket.setTimeout(ms);
  }

  #write(response: RawResponse): void {
    const socket = this.#socket;
    response.renew(this.#host.nowS());
    this.#setTimeout(IDLE_MS);
    const { buffers } = response;
    if (buffers.length === 1) socket.write(buffers[0]!);
    else {
      socket.cork();
      for (const buffer of buffers) socket.write(buffer);
      socket.uncork();
    }
    if (socket.writableLength <= MAX_UNSENT_BYTES) return;
    socket.pause();
    this.#setTimeout(STALL_MS);
  }

  #wait(line: RequestLine, headers: ClientHeaders, match: F, pending: PendingReply): void {
    const host = this.#host;
    let stopCounting: () => void;
    try {
      stopCounting = host.startWaiting(headers, this.#socket);
    } catch (reason) {
      const { request, response } = this.#openExchange(line, headers);
      host.refuse(request, response, reason);
      return;
    }
    this.#isBusy = true;
    const group = host.pendingReplies.join(pending, this);
    const startedMs = performance.now();
    this.#waiting = { line, headers, match, group, stopCounting, startedMs, response: undefined };
  }

  /** See Waiter. */
  answer(reply: Reply): void {
    const waiting = this.#waiting!;
    waiting.response = this.#host.cache.rawResponseOf(reply, waiting.match, waiting.headers.takesGzip);
    if (waiting.response) this.#write(waiting.response);
  }

  /** See Waiter. */
  answered(): void {
    const { line, headers, match, startedMs, response } = this.#endWaiting();
    if (!response) {
      this.#answerWithNode(line, headers);
      return;
    }
    const waitedMs = performance.now() - startedMs;
    this.#host.served(match, response, { target: line.target, headers, socket: this.#socket, waitedMs });
    this.#next();
  }

  /** See Waiter. */
  refuse(reason: unknown): void {
    const { line, headers } = this.#endWaiting();
    const { request, response } = this.#openExchange(line, headers);
    this.#host.refuse(request, response, reason);
  }

  #endWaiting(): Waiting<F> {
    const waiting = this.#waiting!;
    this.#waiting = undefined;
    this.#isBusy = false;
    waiting.stopCounting();
    return waiting;
  }

  #answerWithNode(line: RequestLine, headers: ClientHeaders): void {
    const { request, response } = this.#openExchange(line, headers);
    this.#host.onRequest(request, response);
  }

  #openExchange(line: RequestLine, headers: ClientHeaders): NodeExchange {
    this.#isBusy = true;
    this.#setTimeout(0);
    const done = (keepsAlive: boolean) => {
      this.#exchange = undefined;
      this.#isBusy = false;
      if (!keepsAlive) this.#isEnded = true;
      this.#timeoutMs = -1; // the response may have set its own
      this.#setTimeout(IDLE_MS);
      this.#next();
    };
    this.#exchange = createNodeExchange(this.#socket, line, headers, { keepAliveMs: IDLE_MS, done });
    return this.#exchange;
  }

  /** Continues with the bytes that were received meanwhile. */
  #next(): void {
    if (this.#host.isClosing || this.#isEnded) {
      this.#socket.destroySoon();
      return;
    }
    const received = this.#received;
    this.#received = [];
    this.#receivedBytes = 0;
    if (this.#socket.writableLength <= MAX_UNSENT_BYTES) this.#socket.resume();
    if (received.length > 0) this.#handle(Buffer.concat(received));
  }

  #moveToNode(bytes: Buffer): void {
    const socket = this.#socket;
    socket.off('timeout', this.#onTimeout);
    socket.off('data', this.#onData);
    socket.off('drain', this.#onDrain);
    socket.off('end', this.#onEnd);
    socket.off('error', this.#onError);
    socket.off('close', this.#onClose);
    this.#onEnded();
    socket.setTimeout(0);
    socket.pause();
    socket.unshift(bytes);
    this.#host.handOver(socket);
    socket.resume();
  }

  readonly #onTimeout = (): void => {
    // A response with its own timeout handles it.
    if (this.#exchange?.response.emit('timeout')) return;
    if (this.#waiting) return; // the pending reply has its own timeout
    this.#socket.destroy();
  };

  readonly #onDrain = (): void => {
    this.#exchange?.response.emit('drain');
    if (this.#isBusy) return;
    this.#setTimeout(IDLE_MS);
    this.#socket.resume();
  };

  // As node:http does, a half-closed connection counts as closed: an endless response would not notice
  // otherwise.
  readonly #onEnd = (): void => {
    this.#isEnded = true;
    if (this.#isBusy) this.#socket.destroy();
    else this.#socket.end();
  };

  // `close` follows.
  readonly #onError = (): void => {};

  readonly #onClose = (): void => {
    this.#isEnded = true;
    if (this.#waiting) {
      this.#host.pendingReplies.leave(this.#waiting.group, this);
      this.#endWaiting();
    }
    this.#received = [];
    this.#onEnded();
  };
}
