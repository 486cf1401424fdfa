/**
 * One kept connection to a server, for one request after the other.
 * In: requests as text. Out: the bytes of its responses, to their exchanges.
 */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Exchange } from './exchange.ts';

/**
 * Most bytes of a read that is no rest of a body. All plain connections are read into one buffer: nothing
 * keeps bytes of it.
 */
const READ_BYTES = 64 * 1024;
const readBuffer = Buffer.allocUnsafeSlow(READ_BYTES);

/** The options with which Node reads a socket into the shared buffer. */
export interface Reading {
  readonly onread: {
    /** Returns the buffer of the next read. */
    buffer(): Uint8Array;
    /** Returns false if reading pauses. */
    callback(length: number): boolean;
  };
}

/** Reports of a connection. */
export interface ConnectionListener {
  /** It waits for the next request. */
  onIdle(connection: Connection): void;
  /** Called once. */
  onClosed(connection: Connection): void;
}

/** The server has closed the connection within the response. */
function endedEarly(): Error {
  return Object.assign(new Error('The connection has ended within the answer.'), { code: 'ECONNRESET' });
}

/** A connection that is open, or is being opened. */
export class Connection {
  readonly #socket: Duplex;
  readonly #listener: ConnectionListener;
  #exchange: Exchange | undefined;
  #isPaused = false;
  /** The next read goes into the body of the exchange. */
  #isDirect = false;
  #isClosed = false;
  /** Of TLS, and of streams that are no sockets: their reads cannot go into the shared buffer. */
  readonly #pausesByStream: boolean;
  /** Responses so far. */
  responses = 0;
  /** Until when it may wait for a request, monotonic ms. */
  keptUntilMs = 0;
  /** After which time without a request the server closes it, s; undefined: not announced. */
  keepsForS: number | undefined;
  #isOnce = false;

  /** @param open opens the socket; the options are for a plain one */
  constructor(open: (reading: Reading) => Duplex, listener: ConnectionListener) {
    this.#listener = listener;
    const onread = { buffer: () => this.#nextBuffer(), callback: (length: number) => this.#read(length) };
    const socket = open({ onread });
    this.#socket = socket;
    this.#pausesByStream = !(socket instanceof Socket) || 'encrypted' in socket;
    if (this.#pausesByStream) socket.on('data', (bytes: Buffer) => void this.#take(bytes));
    socket.on('error', (error) => this.#close(error));
    socket.on('end', () => this.#end());
    socket.on('close', () => this.#close(endedEarly()));
  }

  /**
   * Sends a request; the connection must be idle.
   *
   * @param isOnce it is closed after the response
   */
  send(text: string, exchange: Exchange, isOnce: boolean): void {
    if (this.#isClosed) {
      exchange.fail(endedEarly());
      return;
    }
    this.#isOnce = isOnce;
    this.#exchange = exchange;
    this.#socket.write(text, 'latin1');
  }

  /** Reads again after the exchange could not take more. */
  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#socket.resume();
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** An idle connection does not keep the process alive. */
  hold(isHeld: boolean): void {
    const socket = this.#socket as Socket;
    if (isHeld) socket.ref();
    else socket.unref();
  }

  /** Closes it; a request that is on it fails with `error`. */
  destroy(error: unknown = endedEarly()): void {
    this.#close(error);
  }

  /** Bytes of a body go where it is kept, without a copy. */
  #nextBuffer(): Uint8Array {
    const room = this.#exchange?.room;
    this.#isDirect = room !== undefined;
    return room ?? readBuffer;
  }

  #read(length: number): boolean {
    const exchange = this.#exchange;
    if (!this.#isDirect) return this.#take(readBuffer.subarray(0, length));
    if (this.#isClosed || !exchange) return false;
    exchange.filled(length);
    return !this.#isClosed;
  }

  /** @returns false if nothing more is read until `resume` */
  #take(bytes: Buffer): boolean {
    const exchange = this.#exchange;
    if (this.#isClosed) return false;
    if (!exchange) {
      this.destroy(); // bytes that no request has caused
      return false;
    }
    let used: number;
    try {
      used = exchange.receive(bytes);
    } catch (error) {
      this.#close(error);
      return false;
    }
    if (exchange.isDone) {
      this.#responseEnds(exchange, used === bytes.length);
      return !this.#isClosed;
    }
    if (exchange.wantsMore) return true;
    this.#isPaused = true;
    if (this.#pausesByStream) this.#socket.pause();
    return false;
  }

  /** @param isClean no byte follows the response */
  #responseEnds({ head }: Exchange, isClean: boolean): void {
    this.#exchange = undefined;
    this.responses += 1;
    this.keepsForS = head!.keepsForS;
    if (isClean && head!.keeps && !this.#isOnce && this.#socket.writable) this.#listener.onIdle(this);
    else this.destroy();
  }

  #end(): void {
    const exchange = this.#exchange;
    if (exchange?.end()) this.#exchange = undefined;
    this.#close(endedEarly());
  }

  #close(error: unknown): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const exchange = this.#exchange;
    this.#exchange = undefined;
    this.#socket.destroy();
    this.#listener.onClosed(this);
    exchange?.fail(error);
  }
}
