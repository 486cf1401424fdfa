/**
 * The server side of one connection: a client connects, publishes, and leaves.
 * In: a socket. Out: requests to publish, media messages, the end. RTMP 1.0 specification (Adobe, 2012), 7.2.
 */
import type { Duplex } from 'node:stream';
import { FormatError } from '../../lib/errors.ts';
import {
  type Command,
  type ConnectRequest,
  connectRequestOf,
  parseCommand,
  printConnectResult,
  printResult,
  printStatus,
  type ServerAbilities,
  type Status,
  textOf,
} from './commands.ts';
import { dataBody } from './data.ts';
import { RtmpLink } from './link.ts';
import { MAX_MESSAGE_BYTES, type MediaType, messageType, userControl } from './message.ts';

/** Largest message before a client may publish: `connect` with its token. */
const COMMAND_BYTES = 64 * 1024;
/** A server sends little; a client that does not read so much is not served any more. */
const MAX_UNSENT_BYTES = 64 * 1024;
/** A client that was refused gets so long to read why, ms. */
const FLUSH_MS = 2000;
/** Interval of the check for bytes, ms. */
const CHECK_MS = 5000;
/** Message streams that a connection can create. */
const MAX_STREAM_ID = 64;
/** Messages between `publish` and its answer, bytes; the socket is paused, so that they are those of the last read. */
const MAX_HELD_BYTES = 1024 * 1024;

/** Where a connection is: each step has its deadline. */
export type RtmpPhase = 'handshake' | 'connecting' | 'connected' | 'publishing' | 'closed';

/**
 * Why a connection ended: `left` by the client; `refused` with a status; `timeout` of a deadline; `invalid` RTMP or a limit; `failed`:
 * the socket, or a bug; `server`: closed by its owner.
 */
export type RtmpEnd = 'left' | 'refused' | 'timeout' | 'invalid' | 'failed' | 'server';

/** Bounds of a connection. */
export interface RtmpLimits {
  /** From the start to the end of the handshake, ms. */
  readonly handshakeMs: number;
  /** From there to `connect`, and from `connect` to `publish`, ms. */
  readonly commandMs: number;
  /** A publisher that sends no byte for so long is disconnected, ms. It is pinged before. */
  readonly idleMs: number;
  /** Largest message of a publisher, bytes. */
  readonly maxMessageBytes: number;
}

/** Default bounds. */
export const rtmpLimits: RtmpLimits = {
  handshakeMs: 10_000,
  commandMs: 15_000,
  idleMs: 30_000,
  maxMessageBytes: MAX_MESSAGE_BYTES,
};

/** Thrown by handlers: the client gets the status, then the connection is closed. */
export class RtmpRefusal extends Error {
  override readonly name = 'RtmpRefusal';
  /** E.g. `NetStream.Publish.BadName`. */
  readonly code: string;

  /** @param description for the user of the client */
  constructor(code: string, description: string, options?: { cause?: unknown }) {
    super(description, options);
    this.code = code;
  }
}

/** A request to publish. */
export interface RtmpPublishRequest extends ConnectRequest {
  /** The name as the client sent it, with its query. */
  readonly playPath: string;
  /** Fires when the connection ends. */
  readonly signal: AbortSignal;
}

/** What a client publishes, as the receiver sees it. */
export interface RtmpPublication {
  /**
   * Receives a message with media.
   *
   * @param timestampMs 0 to 2^32 - 1, wraps
   * @param body may be kept
   * @throws FormatError to close the connection
   */
  message(type: MediaType, timestampMs: number, body: Uint8Array): void;
  /**
   * The client has left. Called once, if `publish` was resolved.
   *
   * @param detail the reason, without addresses
   * @param isOver it said so: its broadcast is over
   */
  end(detail: string, isOver: boolean): void;
}

/** The owner of a connection. */
export interface RtmpHandlers {
  readonly abilities: ServerAbilities;
  /** @throws RtmpRefusal if the application is unknown */
  connect(request: ConnectRequest): void;
  /** @throws RtmpRefusal if the client may not publish */
  publish(request: RtmpPublishRequest): Promise<RtmpPublication>;
  phase?(phase: RtmpPhase): void;
  /**
   * The connection has ended.
   *
   * @param detail the reason as text
   * @param error what was thrown, if the peer broke the protocol (FormatError), the socket failed, or there is a bug
   */
  closed(end: RtmpEnd, detail: string, error?: unknown): void;
}

/** A connection that was accepted. */
export interface RtmpConnection {
  readonly phase: RtmpPhase;
  /** Bytes received. */
  readonly totalBytes: number;
  /** Passes bytes that the owner of the socket has read; their memory is not used after the call. */
  push(bytes: Uint8Array): void;
  /** Sends a status, then closes when it was sent. */
  refuse(status: Status): void;
  /** Sends a status to a publisher. */
  notify(status: Status): void;
  /** Closes at once. */
  destroy(end: RtmpEnd, detail: string): void;
}

/**
 * Serves a connection until it ends.
 *
 * @param socket a TCP or TLS connection. Its owner passes what it reads to `push`; this side pauses it while a request waits
 */
export function acceptRtmp(socket: Duplex, handlers: RtmpHandlers, limits: RtmpLimits = rtmpLimits): RtmpConnection {
  return new ServerConnection(socket, handlers, limits);
}

class ServerConnection implements RtmpConnection {
  readonly #socket: Duplex;
  readonly #handlers: RtmpHandlers;
  readonly #limits: RtmpLimits;
  readonly #chunkLimits = { maxMessageBytes: COMMAND_BYTES };
  readonly #link: RtmpLink;
  readonly #ended = new AbortController();
  #phase: RtmpPhase = 'handshake';
  #timer: NodeJS.Timeout;
  #request: ConnectRequest | undefined;
  #publication: RtmpPublication | undefined;
  /** `publish` waits for its answer: messages until then. */
  #held: { type: MediaType; timestampMs: number; body: Uint8Array }[] | undefined;
  #heldBytes = 0;
  #publishStreamId = 0;
  #lastStreamId = 0;
  #idleMs = 0;
  #bytesBefore = 0;

  constructor(socket: Duplex, handlers: RtmpHandlers, limits: RtmpLimits) {
    this.#socket = socket;
    this.#handlers = handlers;
    this.#limits = limits;
    this.#timer = setTimeout(() => this.destroy('timeout', 'the handshake took too long'), limits.handshakeMs);
    this.#link = new RtmpLink({
      side: 'server',
      limits: this.#chunkLimits,
      send: (bytes) => this.#send(bytes),
      onReady: () => this.#enter('connecting', 'connect'),
      onMessage: (type, timestampMs, streamId, body) => this.#receive(type, timestampMs, streamId, body),
    });
    socket.once('close', () => this.#close('left', 'the client closed the connection'));
    // A reset is how encoders leave that did not read the last answers.
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNRESET' || error.code === 'EPIPE')
        this.#close('left', 'the client closed the connection');
      else this.#close('failed', 'the connection failed', error);
    });
  }

  get phase(): RtmpPhase {
    return this.#phase;
  }

  get totalBytes(): number {
    return this.#link.totalBytes;
  }

  push(bytes: Uint8Array): void {
    if (this.#phase === 'closed') return;
    try {
      this.#link.push(bytes);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Closes the connection because of what a handler or the parser has thrown. */
  #fail(error: unknown): void {
    if (error instanceof RtmpRefusal) this.refuse({ level: 'error', code: error.code, description: error.message });
    else if (error instanceof FormatError) this.destroy('invalid', `invalid RTMP: ${error.message}`, error);
    else this.destroy('failed', 'an internal error', error);
  }

  refuse(status: Status): void {
    if (this.#phase === 'closed') return;
    this.notify(status);
    this.#socket.end();
    // A client that does not read gets no more time; one that read has closed by then.
    const timer = setTimeout(() => this.#socket.destroy(), FLUSH_MS);
    this.#socket.once('close', () => clearTimeout(timer));
    this.#close('refused', status.description);
    this.#socket.resume();
  }

  notify(status: Status): void {
    if (this.#phase === 'closed') return;
    this.#link.write(messageType.command, 0, this.#publishStreamId, printStatus(status));
  }

  destroy(end: RtmpEnd, detail: string, error?: unknown): void {
    this.#socket.destroy();
    this.#close(end, detail, error);
  }

  #send(bytes: Uint8Array): void {
    if (this.#socket.writableLength > MAX_UNSENT_BYTES) this.destroy('invalid', 'the client does not read');
    else if (this.#socket.writable) this.#socket.write(bytes);
  }

  /** @param awaited the command that must come in time; undefined while publishing */
  #enter(phase: RtmpPhase, awaited?: string): void {
    this.#phase = phase;
    clearTimeout(this.#timer);
    if (awaited !== undefined) {
      this.#timer = setTimeout(() => this.destroy('timeout', `no ${awaited} in time`), this.#limits.commandMs);
    } else {
      this.#idleMs = 0;
      this.#timer = setInterval(() => this.#checkIdle(), Math.min(CHECK_MS, this.#limits.idleMs));
    }
    this.#handlers.phase?.(phase);
  }

  #checkIdle(): void {
    const total = this.totalBytes;
    if (total !== this.#bytesBefore) {
      this.#bytesBefore = total;
      this.#idleMs = 0;
      return;
    }
    this.#idleMs += Math.min(CHECK_MS, this.#limits.idleMs);
    if (this.#idleMs >= this.#limits.idleMs) {
      this.destroy('timeout', `the publisher sent nothing for ${Math.round(this.#limits.idleMs / 1000)} s`);
    } else if (this.#socket.writableLength === 0) {
      this.#link.writeUserControl(userControl.pingRequest, Math.floor(performance.now()) >>> 0);
    }
  }

  #close(end: RtmpEnd, detail: string, error?: unknown): void {
    if (this.#phase === 'closed') return;
    this.#phase = 'closed';
    clearTimeout(this.#timer);
    this.#endPublication(detail);
    this.#ended.abort();
    this.#handlers.phase?.('closed');
    this.#handlers.closed(end, detail, error);
  }

  #endPublication(detail: string, isOver = false): void {
    const publication = this.#publication;
    this.#publication = undefined;
    publication?.end(detail, isOver);
  }

  #receive(type: number, timestampMs: number, streamId: number, body: Uint8Array): void {
    // After a refusal within one read.
    if (this.#phase === 'closed') return;
    switch (type) {
      case messageType.audio:
      case messageType.video:
        this.#receiveMedia(type, timestampMs, body);
        return;
      case messageType.data:
      case messageType.dataAmf3:
        this.#receiveMedia(messageType.data, timestampMs, dataBody(type, body));
        return;
      case messageType.command:
      case messageType.commandAmf3:
        this.#command(parseCommand(type, body), streamId);
        return;
    }
  }

  #receiveMedia(type: MediaType, timestampMs: number, body: Uint8Array): void {
    if (this.#publication) {
      this.#publication.message(type, timestampMs, body);
    } else if (this.#held) {
      this.#heldBytes += body.length;
      if (this.#heldBytes > MAX_HELD_BYTES) throw new FormatError('media before the answer to publish', 0);
      this.#held.push({ type, timestampMs, body });
    }
  }

  #command(command: Command, streamId: number): void {
    switch (command.name) {
      case 'connect':
        this.#connect(command);
        return;
      case 'createStream':
        this.#createStream(command);
        return;
      case 'publish':
        this.#publish(command, streamId);
        return;
      case 'play':
      case 'play2':
        throw new RtmpRefusal(
          'NetStream.Play.Failed',
          'This server does not play over RTMP. Open the stream in a browser, or use its HLS address.',
        );
      case 'releaseStream':
      case 'FCPublish':
        this.#result(command);
        return;
      case 'FCUnpublish':
        this.#result(command);
        this.#unpublish();
        return;
      case 'deleteStream':
      case 'closeStream':
        this.#unpublish();
        return;
      default:
        // `_checkbw`, `getStreamLength` and others: encoders continue without an answer.
        return;
    }
  }

  #connect(command: Command): void {
    if (this.#phase !== 'connecting') throw new FormatError('connect twice', 0);
    const request = connectRequestOf(command);
    try {
      this.#handlers.connect(request);
    } catch (error) {
      if (!(error instanceof RtmpRefusal)) throw error;
      const status = { level: 'error', code: error.code, description: error.message };
      this.#link.announce();
      this.#write(printResult('_error', command.transaction, null, status));
      throw error;
    }
    this.#request = request;
    this.#link.announce();
    this.#write(printConnectResult(command.transaction, request, this.#handlers.abilities));
    this.#enter('connected', 'publish');
  }

  #createStream({ transaction }: Command): void {
    this.#requireConnect();
    this.#lastStreamId = Math.min(this.#lastStreamId + 1, MAX_STREAM_ID);
    this.#write(printResult('_result', transaction, null, this.#lastStreamId));
  }

  #result({ name, transaction }: Command): void {
    this.#requireConnect();
    if (transaction > 0) this.#write(printResult('_result', transaction, null, undefined));
    if (name === 'FCPublish') {
      const status = { level: 'status', code: 'NetStream.Publish.Start', description: 'FCPublish' };
      this.#write(printResult('onFCPublish' as '_result', 0, null, status));
    }
  }

  #requireConnect(): ConnectRequest {
    if (!this.#request) throw new FormatError('a command before connect', 0);
    return this.#request;
  }

  #write(body: Uint8Array): void {
    this.#link.write(messageType.command, 0, 0, body);
  }

  #publish({ rest }: Command, streamId: number): void {
    const request = this.#requireConnect();
    if (this.#publication || this.#held) {
      throw new RtmpRefusal('NetStream.Publish.BadName', 'This connection publishes already.');
    }
    this.#publishStreamId = streamId;
    this.#held = [];
    this.#heldBytes = 0;
    this.#chunkLimits.maxMessageBytes = MAX_HELD_BYTES;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => this.destroy('failed', 'the answer to publish took too long'),
      this.#limits.commandMs,
    );
    this.#socket.pause();
    void this.#awaitAnswer({ ...request, playPath: textOf(rest[0]), signal: this.#ended.signal });
  }

  /** Never rejects. */
  async #awaitAnswer(request: RtmpPublishRequest): Promise<void> {
    try {
      const publication = await this.#handlers.publish(request);
      if (this.#phase === 'closed') publication.end('the client closed the connection', false);
      else this.#start(publication);
    } catch (error) {
      this.#held = undefined;
      this.#fail(error);
    }
  }

  #start(publication: RtmpPublication): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    this.#publication = publication;
    this.#chunkLimits.maxMessageBytes = this.#limits.maxMessageBytes;
    this.#enter('publishing');
    this.#link.writeUserControl(userControl.streamBegin, this.#publishStreamId);
    this.notify({ level: 'status', code: 'NetStream.Publish.Start', description: 'Publishing.' });
    for (const { type, timestampMs, body } of held) this.#publication?.message(type, timestampMs, body);
    this.#socket.resume();
  }

  #unpublish(): void {
    if (!this.#publication) return;
    this.#endPublication('the publisher left', true);
    this.notify({ level: 'status', code: 'NetStream.Unpublish.Success', description: 'Unpublished.' });
    this.#chunkLimits.maxMessageBytes = COMMAND_BYTES;
    this.#enter('connected', 'publish');
  }
}
