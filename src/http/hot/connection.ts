/**
 * One connection of HTTP/1.1: ready bytes at once, what is to come when it comes, everything else by node:http.
 * In: a socket, plain or TLS. Out: answers in the order of the requests. RFC 9112, 9.3; docs/media.md 27, 28.
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
import type { HotResponse, ResponseCache } from './response-cache.ts';

/** A connection that says nothing at first is given up after this long, ms; one that rests between requests, after that long. */
const FIRST_MS = 15_000;
const IDLE_MS = 75_000;
/** A client that has taken nothing of what waits for it is given up after this long, ms. */
const STALL_MS = 30_000;
/** Bytes that wait for one client; beyond it no further request of it is read. */
const MAX_UNSENT_BYTES = 2_000_000;
/** What a client may send while it waits for an answer, bytes; then it is not read until that is given. */
const MAX_EARLY_BYTES = 16 * 1024;

const NOTHING = Buffer.alloc(0);

/** Where connections belong. */
export interface ConnectionHost {
  readonly cache: ResponseCache;
  readonly pendingReplies: PendingReplies;
  /** Whether whoever asks gets what everyone gets; the slow path decides otherwise. */
  isUsual(headers: ClientHeaders): boolean;
  /** Unix seconds. */
  nowS(): number;
  /** Answers by node:http's objects. */
  onRequest(request: IncomingMessage, response: ServerResponse): void;
  /** Refuses a request that waited. */
  refuse(request: IncomingMessage, response: ServerResponse, reason: unknown): void;
  /** Gives the connection to node:http for good; nothing of it was read. */
  handOver(socket: Socket): void;
  /** An answer begins to wait; returns how it stops, or throws the OxbowError that there is no room. */
  mayWait(headers: ClientHeaders, socket: Socket): () => void;
  /** Told of each answer that was ready or waited for. @param waitedMs 0 where it was ready */
  served(
    found: HotResponse,
    response: RawResponse,
    asked: { target: string; headers: ClientHeaders; socket: Socket; waitedMs: number },
  ): void;
  /** oxbow is ending: no connection stays for another request. */
  readonly isClosing: boolean;
}

/** A request that waits. Thousands may: one object for each. */
interface Waiting {
  readonly line: RequestLine;
  readonly headers: ClientHeaders;
  readonly found: HotResponse;
  readonly group: WaitGroup;
  readonly stopCounting: () => void;
  readonly startedMs: number;
  /** What was written; undefined where the long way must be gone, as where it has left memory meanwhile. */
  response: RawResponse | undefined;
}

/** A connection. */
export class HotConnection implements Waiter {
  readonly #socket: Socket;
  readonly #host: ConnectionHost;
  /** The last header block and what it says: a player sends the same each time. */
  #rest = NOTHING;
  #headers: ClientHeaders | undefined;
  /** What came while an answer was under way. */
  #early: Buffer[] = [];
  #earlyBytes = 0;
  #isBusy = false;
  #isOver = false;
  #exchange: NodeExchange | undefined;
  #waiting: Waiting | undefined;
  readonly #gone: () => void;
  #timeoutMs = 0;

  /** @param gone called once: it was closed, or handed over */
  constructor(socket: Socket, host: ConnectionHost, gone: () => void) {
    this.#socket = socket;
    this.#host = host;
    this.#gone = gone;
    this.#giveUpAfter(FIRST_MS);
    socket.on('timeout', this.#onTimeout);
    socket.on('data', this.#onData);
    socket.on('drain', this.#onDrain);
    socket.on('end', this.#onEnd);
    socket.on('error', this.#onError);
    socket.once('close', this.#onClose);
  }

  /** No request is under way. */
  get isIdle(): boolean {
    return !this.#isBusy;
  }

  /** Ends it at once. */
  destroy(): void {
    this.#socket.destroy();
  }

  readonly #onData = (bytes: Buffer): void => {
    if (!this.#isBusy) {
      this.#take(bytes);
      return;
    }
    this.#early.push(bytes);
    this.#earlyBytes += bytes.length;
    if (this.#earlyBytes > MAX_EARLY_BYTES) this.#socket.pause();
  };

  #take(bytes: Buffer): void {
    const end = targetEndOf(bytes);
    const line = end < 0 ? undefined : parseRequestLine(bytes.toString('latin1', 0, end));
    if (line && bytes.compare(this.#rest, 0, this.#rest.length, end) !== 0) {
      this.#headers = parseClientHeaders(bytes.toString('latin1', end));
      this.#rest = Buffer.from(bytes.subarray(end));
    }
    const headers = this.#headers;
    if (!line || !headers) {
      this.#handOver(bytes);
      return;
    }
    const found =
      line.method === 'GET' && headers.isPlain && this.#host.isUsual(headers) && !this.#host.isClosing
        ? this.#host.cache.find(line.target, headers.takesGzip)
        : undefined;
    if (!found) this.#answerWithNode(line, headers);
    else if ('look' in found.answer) this.#wait(line, headers, found, found.answer);
    else {
      this.#write(found.answer);
      this.#host.served(found, found.answer, { target: line.target, headers, socket: this.#socket, waitedMs: 0 });
    }
  }

  /** How long nothing may happen on the connection, ms; 0: for ever. Its timer starts anew with whatever happens. */
  #giveUpAfter(ms: number): void {
    if (this.#timeoutMs === ms) return;
    this.#timeoutMs = ms;
    this.#socket.setTimeout(ms);
  }

  #write(response: RawResponse): void {
    const socket = this.#socket;
    response.renew(this.#host.nowS());
    this.#giveUpAfter(IDLE_MS);
    const { buffers } = response;
    if (buffers.length === 1) socket.write(buffers[0]!);
    else {
      socket.cork();
      for (const buffer of buffers) socket.write(buffer);
      socket.uncork();
    }
    if (socket.writableLength <= MAX_UNSENT_BYTES) return;
    socket.pause();
    this.#giveUpAfter(STALL_MS);
  }

  #wait(line: RequestLine, headers: ClientHeaders, found: HotResponse, pending: PendingReply): void {
    const host = this.#host;
    let stopCounting: () => void;
    try {
      stopCounting = host.mayWait(headers, this.#socket);
    } catch (reason) {
      const { request, response } = this.#openExchange(line, headers);
      host.refuse(request, response, reason);
      return;
    }
    this.#isBusy = true;
    const group = host.pendingReplies.join(pending, this);
    const startedMs = performance.now();
    this.#waiting = { line, headers, found, group, stopCounting, startedMs, response: undefined };
  }

  /** Of what it waits for; see Waiter. */
  answer(reply: Reply): void {
    const waiting = this.#waiting!;
    waiting.response = this.#host.cache.rawResponseOf(reply, waiting.found, waiting.headers.takesGzip);
    if (waiting.response) this.#write(waiting.response);
  }

  /** See Waiter. */
  answered(): void {
    const { line, headers, found, startedMs, response } = this.#endWaiting();
    if (!response) {
      this.#answerWithNode(line, headers);
      return;
    }
    const waitedMs = performance.now() - startedMs;
    this.#host.served(found, response, { target: line.target, headers, socket: this.#socket, waitedMs });
    this.#next();
  }

  /** See Waiter. */
  refuse(reason: unknown): void {
    const { line, headers } = this.#endWaiting();
    const { request, response } = this.#openExchange(line, headers);
    this.#host.refuse(request, response, reason);
  }

  #endWaiting(): Waiting {
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
    this.#giveUpAfter(0);
    const done = (keepsAlive: boolean) => {
      this.#exchange = undefined;
      this.#isBusy = false;
      if (!keepsAlive) this.#isOver = true;
      this.#timeoutMs = -1; // the response may have set another
      this.#giveUpAfter(IDLE_MS);
      this.#next();
    };
    this.#exchange = createNodeExchange(this.#socket, line, headers, { keepAliveMs: IDLE_MS, done });
    return this.#exchange;
  }

  /** Goes on with what came meanwhile. */
  #next(): void {
    if (this.#host.isClosing || this.#isOver) {
      this.#socket.destroySoon();
      return;
    }
    const early = this.#early;
    this.#early = [];
    this.#earlyBytes = 0;
    if (this.#socket.writableLength <= MAX_UNSENT_BYTES) this.#socket.resume();
    if (early.length > 0) this.#take(Buffer.concat(early));
  }

  #handOver(bytes: Buffer): void {
    const socket = this.#socket;
    socket.off('timeout', this.#onTimeout);
    socket.off('data', this.#onData);
    socket.off('drain', this.#onDrain);
    socket.off('end', this.#onEnd);
    socket.off('error', this.#onError);
    socket.off('close', this.#onClose);
    this.#gone();
    socket.setTimeout(0);
    socket.pause();
    socket.unshift(bytes);
    this.#host.handOver(socket);
    socket.resume();
  }

  readonly #onTimeout = (): void => {
    // A response that set a time of its own listens itself.
    if (this.#exchange?.response.emit('timeout')) return;
    if (this.#waiting) return; // it waits for media, no longer than its pending reply
    this.#socket.destroy();
  };

  readonly #onDrain = (): void => {
    this.#exchange?.response.emit('drain');
    if (this.#isBusy) return;
    this.#giveUpAfter(IDLE_MS);
    this.#socket.resume();
  };

  // As node:http sees it nobody is there any more: an answer that goes on for ever would not notice otherwise.
  readonly #onEnd = (): void => {
    this.#isOver = true;
    if (this.#isBusy) this.#socket.destroy();
    else this.#socket.end();
  };

  // What befalls a connection ends in `close`.
  readonly #onError = (): void => {};

  readonly #onClose = (): void => {
    this.#isOver = true;
    if (this.#waiting) {
      this.#host.pendingReplies.leave(this.#waiting.group, this);
      this.#endWaiting();
    }
    this.#early = [];
    this.#gone();
  };
}
