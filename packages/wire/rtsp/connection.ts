/**
 * One RTSP connection of a client.
 * In: a socket, requests. Out: responses, matched by CSeq; packets of media; answers to requests of the
 * server. RFC 2326 4 to 7, 10.12.
 */
import type { Duplex } from 'node:stream';
import { messageOf } from '@oxbow/media/errors';
import {
  printPacket,
  printRequest,
  printResponse,
  type RtspFields,
  type RtspMessage,
  type RtspRequest,
  type RtspResponse,
} from './message.ts';
import { RtspReader } from './message-reader.ts';

/** A response has to come within this time, ms. */
const RESPONSE_MS = 10_000;
/** Bytes that wait for the socket before reports are dropped. */
const MAX_QUEUED_BYTES = 256 * 1024;
/** Requests of servers that need no action. */
const ANSWERED: ReadonlySet<string> = new Set(['OPTIONS', 'GET_PARAMETER', 'SET_PARAMETER', 'ANNOUNCE', 'REDIRECT']);

/** Callbacks of a connection. */
interface RtspConnectionHandlers {
  /** @param packet may be kept, must not be changed */
  packet(channel: number, packet: Uint8Array): void;
  /** The server requests a new connection; RFC 2326 10.10. */
  redirected(): void;
}

export class RtspConnection {
  /** Resolves with the reason when the connection has ended; never rejects. */
  readonly closed: Promise<string>;
  readonly #socket: Duplex;
  readonly #userAgent: string;
  readonly #handlers: RtspConnectionHandlers;
  readonly #reader: RtspReader;
  readonly #pending = new Map<number, PromiseWithResolvers<RtspResponse>>();
  readonly #resolveClosed: (reason: string) => void;
  #sequence = 0;
  #ended: string | undefined;
  #isDrained = false;

  /**
   * @param socket connected; the connection closes it, and its bytes come by `push`
   * @param userAgent sent with each request
   */
  constructor(socket: Duplex, userAgent: string, handlers: RtspConnectionHandlers) {
    const { promise, resolve } = Promise.withResolvers<string>();
    this.closed = promise;
    this.#resolveClosed = resolve;
    this.#socket = socket;
    this.#userAgent = userAgent;
    this.#handlers = handlers;
    this.#reader = new RtspReader({
      message: (message) => this.#take(message),
      packet: (channel, packet) => {
        if (this.#ended === undefined) handlers.packet(channel, packet);
      },
    });
    socket.on('error', (error) => this.close(messageOf(error)));
    socket.once('close', () => this.close('the server closed the connection'));
  }

  /**
   * Sends a request and waits for its response, whatever its status.
   *
   * @throws an Error if the connection ends, or there is no response in time
   */
  async request(method: string, url: string, fields: RtspFields): Promise<RtspResponse> {
    if (this.#ended !== undefined) throw new Error(this.#ended);
    const sequence = ++this.#sequence;
    const awaited = Promise.withResolvers<RtspResponse>();
    const bytes = printRequest(method, url, { CSeq: sequence, 'User-Agent': this.#userAgent, ...fields });
    this.#pending.set(sequence, awaited);
    const late = new Error(`did not answer ${method} within ${RESPONSE_MS / 1000} s`);
    const timer = setTimeout(() => awaited.reject(late), RESPONSE_MS);
    try {
      this.#socket.write(bytes);
      return await awaited.promise;
    } finally {
      clearTimeout(timer);
      this.#pending.delete(sequence);
    }
  }

  /**
   * Takes bytes of the socket.
   *
   * @param bytes may be overwritten after the call
   * @returns false where the socket need not be read before the next `drain`
   */
  push(bytes: Uint8Array): boolean {
    if (this.#ended !== undefined) return false;
    try {
      this.#reader.push(bytes);
    } catch (error) {
      this.close(`sent invalid RTSP: ${messageOf(error)}`);
    }
    return !this.#isDrained;
  }

  /**
   * Reads waiting bytes. From the first call on, bytes wait for the next one: servers send each packet by
   * itself, and a wake-up of the process costs more than reading one.
   *
   * @param read passes them to `push` at once; false if it cannot, and the socket reads them
   */
  drain(read: (socket: Duplex) => boolean = () => false): void {
    this.#isDrained = true;
    if (this.#ended !== undefined || read(this.#socket)) return;
    if (!this.#socket.destroyed) this.#socket.resume();
  }

  /** Sends a packet; dropped when the server does not read. @param packet copied */
  send(channel: number, packet: Uint8Array): void {
    if (this.#ended !== undefined || this.#socket.writableLength > MAX_QUEUED_BYTES) return;
    this.#socket.write(printPacket(channel, packet));
  }

  /** Closes at once. May be called twice. */
  close(reason = 'closed'): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    this.#socket.destroy();
    for (const { reject } of this.#pending.values()) reject(new Error(reason));
    this.#pending.clear();
    this.#resolveClosed(reason);
  }

  #take(message: RtspMessage): void {
    if (this.#ended !== undefined) return;
    if (message.kind === 'request') {
      this.#answer(message);
      return;
    }
    if (message.status < 200) return;
    const number = message.headers.get('cseq');
    // Some servers leave it out.
    const [only] = this.#pending.size === 1 && number === undefined ? this.#pending.keys() : [];
    this.#pending.get(only ?? Number(number))?.resolve(message);
  }

  #answer({ method, headers }: RtspRequest): void {
    if (this.#socket.writableLength > MAX_QUEUED_BYTES) return;
    const [status, reason] = ANSWERED.has(method) ? ([200, 'OK'] as const) : ([501, 'Not Implemented'] as const);
    const fields = { CSeq: headers.get('cseq'), Session: headers.get('session') };
    this.#socket.write(printResponse(status, reason, fields));
    if (method === 'REDIRECT') this.#handlers.redirected();
  }
}
