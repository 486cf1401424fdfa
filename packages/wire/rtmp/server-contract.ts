/**
 * Contract between the server side of a connection and its owner.
 * In: nothing. Out: types of server; bounds; RtmpRefusal. RTMP 1.0 specification (Adobe, 2012), 7.2.
 */
import type { ConnectRequest, ServerAbilities, Status } from './commands.ts';
import { MAX_MESSAGE_BYTES, type MediaType } from './message.ts';

/** Where a connection is: each step has its deadline. */
export type RtmpPhase = 'handshake' | 'connecting' | 'connected' | 'publishing' | 'playing' | 'closed';

/**
 * Why a connection ended: `left` by the client; `refused` with a status; `timeout` of a deadline; `invalid`
 * RTMP or a limit; `failed`: the socket, or a bug; `server`: closed by its owner; `passed`: it continues
 * elsewhere.
 */
export type RtmpEnd = 'left' | 'refused' | 'timeout' | 'invalid' | 'failed' | 'server' | 'passed';

/** Bounds of a connection. */
export interface RtmpLimits {
  /** From the start to the end of the handshake, ms. */
  readonly handshakeMs: number;
  /** From there to `connect`, and from `connect` to `publish` or `play`, ms. */
  readonly commandMs: number;
  /** A publisher that sends no byte for this long is disconnected, ms. It is pinged before. */
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

/**
 * Thrown by `publish` and `play`: the connection continues elsewhere. The client gets no answer here, and the
 * socket is left as it is, paused, for the owner to pass on.
 */
export class RtmpPassed extends Error {
  override readonly name = 'RtmpPassed';
}

export interface RtmpPlayRequest extends ConnectRequest {
  /** The name as the client sent it, with its query. */
  readonly playPath: string;
  /** Fires when the connection ends. */
  readonly signal: AbortSignal;
}

export interface RtmpPublishRequest extends RtmpPlayRequest {
  /**
   * The client may publish, and gets the answer now: what it sends is held until `publish` is resolved. After
   * 16 MiB nothing more is read until then. Has no effect the second time.
   */
  readonly accept: () => void;
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

/** What a client plays, as the connection sees it. */
export interface RtmpPlayback {
  /** The client has the status that it plays: media may be sent from now on. Called at most once. */
  start(player: RtmpPlayer): void;
  /** The client has left. Called once, if `play` was resolved. */
  end(): void;
}

/** The sending side of a client that plays. */
export interface RtmpPlayer {
  /**
   * Sends a message with media.
   *
   * @param timestampMs 0 to 2^32 - 1, wraps
   * @param body copied
   * @returns false if more than 256 KiB wait: send no more until `drained`. After the end of the playback the
   *   message is dropped
   */
  write(type: MediaType, timestampMs: number, body: Uint8Array): boolean;
  /** Resolves when everything was passed to the system, or the connection has ended. */
  drained(): Promise<void>;
  /**
   * The stream has ended: the client gets the status, then the connection is closed when everything was sent.
   */
  finish(): void;
}

/** The owner of a connection. */
export interface RtmpHandlers {
  readonly abilities: ServerAbilities;
  /** @throws RtmpRefusal if the application is unknown */
  connect(request: ConnectRequest): void;
  /** @throws RtmpRefusal if the client may not publish; RtmpPassed */
  publish(request: RtmpPublishRequest): Promise<RtmpPublication>;
  /**
   * Absent: clients cannot play.
   *
   * @throws RtmpRefusal if the client may not play; RtmpPassed
   */
  play?: ((request: RtmpPlayRequest) => Promise<RtmpPlayback>) | undefined;
  phase?(phase: RtmpPhase): void;
  /**
   * The connection has ended.
   *
   * @param detail the reason as text
   * @param error the error, if the peer broke the protocol (FormatError), the socket failed, or there
   *   is a bug
   */
  closed(end: RtmpEnd, detail: string, error?: unknown): void;
}

/** A connection that was accepted. */
export interface RtmpConnection {
  readonly phase: RtmpPhase;
  /** Bytes received. */
  readonly totalBytes: number;
  /** Bytes of media sent to a client that plays. */
  readonly sentBytes: number;
  /** Passes bytes that the owner of the socket has read; their memory is not used after the call. */
  push(bytes: Uint8Array): void;
  /**
   * Passes what another connection has read of this client, up to its request to publish or to play. The
   * client has the answers to everything before; only the request is answered.
   */
  replay(bytes: Uint8Array): void;
  /** Sends a status, then closes when it was sent. */
  refuse(status: Status): void;
  /** Sends a status to a publisher. */
  notify(status: Status): void;
  /** It publishes, and has announced that it can connect again when it is asked to. */
  readonly canReconnect: boolean;
  /**
   * Asks a publisher to connect again; it is served until it leaves.
   *
   * @param tcUrl where to; undefined: where it has connected to
   * @returns false if the client publishes nothing, or has not announced that it can do so
   */
  requestReconnect(description: string, tcUrl?: string): boolean;
  /** Closes at once. */
  destroy(end: RtmpEnd, detail: string): void;
}
