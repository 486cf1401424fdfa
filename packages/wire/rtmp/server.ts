/**
 * The server side of one connection: a client connects, publishes or plays, and leaves.
 * In: a socket. Out: requests to publish and to play, media messages, the end. RTMP 1.0 specification (Adobe,
 * 2012), 7.2.
 */
import type { Duplex } from 'node:stream';
import { FormatError } from '@oxbow/media/errors';
import {
  type Command,
  type ConnectRequest,
  capsEx,
  connectRequestOf,
  parseCommand,
  printConnectResult,
  printReconnectRequest,
  printResult,
  printStatus,
  type Status,
  textOf,
} from './commands.ts';
import { dataBody } from './data.ts';
import { RtmpLink } from './link.ts';
import { type MediaType, messageType, userControl } from './message.ts';
import {
  type RtmpConnection,
  type RtmpEnd,
  type RtmpHandlers,
  type RtmpLimits,
  RtmpPassed,
  type RtmpPhase,
  type RtmpPublication,
  type RtmpPublishRequest,
  RtmpRefusal,
  rtmpLimits,
} from './server-contract.ts';
import { PlayedStream } from './server-play.ts';

/** Largest message before a client may publish: `connect` with its token. */
const COMMAND_BYTES = 64 * 1024;
/** A server sends little; a client that does not read this much is not served any more. */
const MAX_UNSENT_BYTES = 64 * 1024;
/** A client that was refused gets this long to read why, ms. */
const FLUSH_MS = 2000;
/** Interval of the check for bytes, ms. */
const CHECK_MS = 5000;
/** Message streams that a connection can create. */
const MAX_STREAM_ID = 64;
/**
 * Messages between `publish` and its answer, bytes; the socket is paused, so that they are those of the last
 * read.
 */
const MAX_HELD_BYTES = 1024 * 1024;
/** Messages of a client that was accepted before its publication is there: some seconds, bytes. */
const MAX_ACCEPTED_BYTES = 16 * 1024 * 1024;

/**
 * Serves a connection until it ends.
 *
 * @param socket a TCP or TLS connection. Its owner passes its bytes to `push`; this side pauses it while
 *   a request waits
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
  readonly #played: PlayedStream;
  /** `publish` waits for its answer: messages until then. */
  #held: { type: MediaType; timestampMs: number; body: Uint8Array }[] | undefined;
  #heldBytes = 0;
  /** It has the answer to `publish`, and its messages are held. */
  #isAccepted = false;
  #mediaStreamId = 0;
  #isReplaying = false;
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
    this.#played = new PlayedStream(socket, {
      link: this.#link,
      play: handlers.play,
      isOpen: () => this.#phase !== 'closed',
      awaitAnswer: (streamId) => this.#awaitAnswer('play', streamId),
      started: () => this.#enter('playing'),
      stopped: () => this.#enter('connected', 'play'),
      refuse: (error) => this.#fail(error),
      finished: () => this.#end('server', 'the stream has ended'),
      notify: (status) => this.notify(status),
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

  get sentBytes(): number {
    return this.#played.sentBytes;
  }

  push(bytes: Uint8Array): void {
    if (this.#phase === 'closed') return;
    try {
      this.#link.push(bytes);
    } catch (error) {
      this.#fail(error);
    }
  }

  replay(bytes: Uint8Array): void {
    // The request itself is answered in a later turn.
    this.#isReplaying = true;
    this.push(bytes);
    this.#isReplaying = false;
  }

  /** Closes the connection because of an error of a handler or of the parser. */
  #fail(error: unknown): void {
    if (error instanceof RtmpPassed) this.#close('passed', 'the connection continues elsewhere');
    else if (error instanceof RtmpRefusal)
      this.refuse({ level: 'error', code: error.code, description: error.message });
    else if (error instanceof FormatError) this.destroy('invalid', `invalid RTMP: ${error.message}`, error);
    else this.destroy('failed', 'an internal error', error);
  }

  refuse(status: Status): void {
    if (this.#phase === 'closed') return;
    this.notify(status);
    this.#end('refused', status.description);
  }

  /**
   * Closes when everything was sent. A client that does not read gets no more time; one that read has closed
   * by then.
   */
  #end(end: RtmpEnd, detail: string): void {
    this.#socket.end();
    const timer = setTimeout(() => this.#socket.destroy(), FLUSH_MS);
    this.#socket.once('close', () => clearTimeout(timer));
    this.#close(end, detail);
    this.#socket.resume();
  }

  notify(status: Status): void {
    if (this.#phase === 'closed') return;
    this.#link.write(messageType.command, 0, this.#mediaStreamId, printStatus(status));
  }

  get canReconnect(): boolean {
    return this.#phase === 'publishing' && ((this.#request?.capsEx ?? 0) & capsEx.reconnect) !== 0;
  }

  requestReconnect(description: string, tcUrl?: string): boolean {
    if (!this.canReconnect) return false;
    this.#write(printReconnectRequest(description, tcUrl));
    return true;
  }

  destroy(end: RtmpEnd, detail: string, error?: unknown): void {
    this.#socket.destroy();
    this.#close(end, detail, error);
  }

  #send(bytes: Uint8Array): void {
    if (this.#isReplaying) return;
    if (this.#socket.writableLength > this.#played.maxUnsentBytes(MAX_UNSENT_BYTES))
      this.destroy('invalid', 'the client does not read');
    else if (this.#socket.writable) this.#socket.write(bytes);
  }

  /** @param awaited the command that must come in time; undefined while publishing or playing */
  #enter(phase: RtmpPhase, awaited?: string): void {
    this.#phase = phase;
    clearTimeout(this.#timer);
    if (awaited !== undefined) {
      this.#timer = setTimeout(() => this.destroy('timeout', `no ${awaited} in time`), this.#limits.commandMs);
    } else if (phase === 'publishing') {
      this.#idleMs = 0;
      this.#timer = setInterval(() => this.#checkIdle(), Math.min(CHECK_MS, this.#limits.idleMs));
    }
    this.#handlers.phase?.(phase);
  }

  #checkIdle(): void {
    const total = this.totalBytes;
    if (total !== this.#bytesBefore || this.#isFull) {
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
    this.#played.end();
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
      if (!this.#isAccepted && this.#heldBytes > MAX_HELD_BYTES)
        throw new FormatError('media before the answer to publish', 0);
      this.#held.push({ type, timestampMs, body });
      // The rest waits at the sender.
      if (this.#isFull) this.#socket.pause();
    }
  }

  /** Nothing more is held, and nothing read. */
  get #isFull(): boolean {
    return this.#held !== undefined && this.#isAccepted && this.#heldBytes > MAX_ACCEPTED_BYTES;
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
        this.#play(command, streamId);
        return;
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
        this.#played.stop();
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
    this.#enter('connected', 'publish or play');
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
    if (this.#isBusy) throw new RtmpRefusal('NetStream.Publish.BadName', 'This connection publishes or plays already.');
    this.#held = [];
    this.#heldBytes = 0;
    this.#isAccepted = false;
    this.#chunkLimits.maxMessageBytes = MAX_HELD_BYTES;
    this.#awaitAnswer('publish', streamId);
    const accept = () => this.#accept();
    void this.#askToPublish({ ...request, playPath: textOf(rest[0]), signal: this.#ended.signal, accept });
  }

  #play({ rest }: Command, streamId: number): void {
    const request = this.#requireConnect();
    if (this.#isBusy) throw new RtmpRefusal('NetStream.Play.Failed', 'This connection publishes or plays already.');
    this.#played.request({ ...request, playPath: textOf(rest[0]), signal: this.#ended.signal }, streamId);
  }

  get #isBusy(): boolean {
    return this.#publication !== undefined || this.#held !== undefined || this.#played.isBusy;
  }

  /** The client waits for the answer to a command, and nothing more is read. */
  #awaitAnswer(command: string, streamId: number): void {
    this.#mediaStreamId = streamId;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => this.destroy('failed', `the answer to ${command} took too long`),
      this.#limits.commandMs,
    );
    this.#socket.pause();
  }

  /** Never rejects. */
  async #askToPublish(request: RtmpPublishRequest): Promise<void> {
    try {
      const publication = await this.#handlers.publish(request);
      if (this.#phase === 'closed') publication.end('the client closed the connection', false);
      else this.#start(publication);
    } catch (error) {
      this.#held = undefined;
      this.#fail(error);
    }
  }

  /** Answers `publish`. */
  #accept(): void {
    if (this.#isAccepted || this.#phase === 'closed') return;
    this.#isAccepted = true;
    this.#chunkLimits.maxMessageBytes = this.#limits.maxMessageBytes;
    this.#enter('publishing');
    this.#link.writeUserControl(userControl.streamBegin, this.#mediaStreamId);
    this.notify({ level: 'status', code: 'NetStream.Publish.Start', description: 'Publishing.' });
    this.#socket.resume();
  }

  #start(publication: RtmpPublication): void {
    const held = this.#held ?? [];
    if (this.#isFull) this.#socket.resume();
    this.#held = undefined;
    this.#publication = publication;
    this.#accept();
    for (const { type, timestampMs, body } of held) this.#publication?.message(type, timestampMs, body);
  }

  #unpublish(): void {
    if (this.#held && this.#isAccepted) this.destroy('left', 'the publisher left before its stream was here');
    if (!this.#publication) return;
    this.#endPublication('the publisher left', true);
    this.notify({ level: 'status', code: 'NetStream.Unpublish.Success', description: 'Unpublished.' });
    this.#chunkLimits.maxMessageBytes = COMMAND_BYTES;
    this.#enter('connected', 'publish');
  }
}
