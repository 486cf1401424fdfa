/**
 * One WebSocket of a room. Thousands of them are open: one object each, and no timer for each.
 * In: messages of a client, through ws. Out: messages to the room; frames of the room, through a queue.
 * RFC 6455.
 */
import type { Socket } from 'node:net';
import type { RawData, WebSocket } from 'ws';
import type { UserRef } from '../../../accounts/users/user.ts';
import {
  type ClientMessage,
  type ClientMessageOf,
  roomCloseCodes,
  type ServerMessage,
} from '../../../api/room/messages.ts';
import { OxbowError } from '../../../lib/errors.ts';
import type { FrameQueue } from '../live/fan-out.ts';
import { pingFrame, printFrame } from '../live/frame.ts';
import { printMessage } from '../live/print-message.ts';
import type { Connection } from '../participants/connection.ts';
import type { EnteredConnection } from '../room-deps.ts';
import type { RoomVisitor } from '../room-rules.ts';
import { MessageLimits } from './message-limits.ts';
import { type NoMessage, parseMessage } from './parse-message.ts';

/** Why a connection ends. */
type CloseReason = keyof typeof roomCloseCodes;

/** Messages of a client that is being let in; a client waits for its welcome. */
const MAX_EARLY = 16;
/** Longest reason in a close frame, bytes; RFC 6455 5.5. */
const MAX_REASON = 120;

/** Reasons of a room that refuses a person. */
const reasons: Readonly<Partial<Record<string, CloseReason>>> = {
  'room-unknown': 'gone',
  'room-moved': 'moved',
  'room-full': 'full',
  'room-banned': 'banned',
  'room-password': 'password',
  'room-pending': 'pending',
  'room-kicked': 'kicked',
  'limit-reached': 'full',
  'room-guests-off': 'forbidden',
  'watch-denied-here': 'not-here',
  forbidden: 'forbidden',
};

/** The client of a connection. */
export interface RoomClient {
  readonly user: UserRef;
  /** Where it connects from. */
  readonly from: RoomVisitor;
  /**
   * Whether the credentials are still valid; `changed`: they give the user another role now. Reads memory
   * only.
   */
  readonly credentials: () => 'valid' | 'changed' | 'ended';
}

/** The server, as a connection sees it. */
export interface ConnectionHost {
  nowMs(): number;
  monotonicMs(): number;
  /** Lets a connection into its room; throws a refusal. */
  enter(connection: RoomConnection, hello: ClientMessageOf<'hello'>): Promise<EnteredConnection>;
  openFrameQueue(connection: RoomConnection): FrameQueue;
  received(message: ClientMessage): void;
  sent(type: ServerMessage['t']): void;
  refused(code: string): void;
  /** A bug. */
  failed(error: unknown): void;
  closed(connection: RoomConnection, reason: CloseReason | undefined): void;
  readonly messageRate: number;
}

export class RoomConnection implements Connection {
  readonly id: string;
  readonly room: string;
  readonly user: UserRef;
  readonly from: RoomVisitor;
  /** See RoomClient. */
  readonly credentials: RoomClient['credentials'];
  readonly socket: Socket;
  readonly openedAt: number;
  readonly #host: ConnectionHost;
  readonly #webSocket: WebSocket;
  readonly #queue: FrameQueue;
  readonly #limits: MessageLimits;
  #hello: ClientMessageOf<'hello'> | undefined;
  #seat: EnteredConnection | undefined;
  #early: ClientMessage[] | undefined;
  #isAlive = true;
  #closing: CloseReason | undefined;

  constructor(
    host: ConnectionHost,
    webSocket: WebSocket,
    { id, room, user, from, credentials, socket }: RoomClient & Pick<RoomConnection, 'id' | 'room' | 'socket'>,
  ) {
    this.id = id;
    this.room = room;
    this.user = user;
    this.from = from;
    this.credentials = credentials;
    this.socket = socket;
    this.#host = host;
    this.#webSocket = webSocket;
    this.openedAt = host.monotonicMs();
    this.#limits = new MessageLimits(this.openedAt, host.messageRate);
    this.#queue = host.openFrameQueue(this);
    webSocket.on('message', (data, isBinary) => this.#receive(data, isBinary));
    webSocket.on('pong', () => this.#heard());
    webSocket.on('error', () => host.refused('bad-frame')); // ws closes it
    webSocket.once('close', () => this.#closed());
  }

  /** It has a place in the room. */
  get isIn(): boolean {
    return this.#seat !== undefined;
  }

  /** Bytes that the client has not read. */
  get unsent(): number {
    return this.socket.writableLength;
  }

  /** See Connection. */
  send(message: ServerMessage): void {
    this.#host.sent(message.t);
    const frame = printMessage(message);
    if (message.t === 'clock') this.#queue.write(frame);
    else this.#queue.send(frame);
  }

  /** See Connection. */
  sendFrame(frame: Uint8Array): void {
    this.#queue.send(frame);
  }

  /** See Connection. */
  close(reason: CloseReason, detail: string): void {
    if (this.#closing !== undefined) return;
    this.#closing = reason;
    this.#queue.send(printFrame(JSON.stringify({ t: 'bye', reason, detail } satisfies ServerMessage)));
    this.#queue.flush();
    this.#queue.end();
    this.#webSocket.close(roomCloseCodes[reason], Buffer.from(reason).subarray(0, MAX_REASON));
    this.#leave();
  }

  /** The client leaves too much unread: a close frame would wait after it. */
  giveUp(): void {
    this.#closing ??= 'too-slow';
    this.#webSocket.close(roomCloseCodes['too-slow'], 'too-slow');
    this.#leave();
  }

  /**
   * Checks whether the client is there.
   * @returns false if it has not answered the last time; the connection is gone then
   */
  ping(): boolean {
    if (this.#isAlive) {
      this.#isAlive = false;
      this.#queue.write(pingFrame);
      return true;
    }
    this.#webSocket.terminate();
    return false;
  }

  /** Ends it without a handshake. */
  destroy(): void {
    this.#webSocket.terminate();
  }

  #heard(): void {
    this.#isAlive = true;
  }

  #receive(data: RawData, isBinary: boolean): void {
    if (this.#closing !== undefined) return;
    this.#isAlive = true;
    if (isBinary) {
      this.#host.refused('binary');
      this.close('misuse', 'Messages are text.');
      return;
    }
    const message = parseMessage(String(data));
    if ('problem' in message) this.#misuse('bad-message', message);
    else this.#take(message);
  }

  #take(message: ClientMessage): void {
    const host = this.#host;
    const nowMs = host.monotonicMs();
    const waitMs = this.#limits.take(message.t, nowMs);
    if (waitMs > 0) {
      const id = 'id' in message ? message.id : undefined;
      this.#misuse('too-many-requests', { problem: `Too many messages of type ${message.t}.`, id }, waitMs);
      return;
    }
    host.received(message);
    if (message.t === 'clock') {
      this.send({ t: 'clock', c: message.c, serverMs: host.nowMs() });
      return;
    }
    if (this.#seat) {
      this.#seat.receive(message);
      return;
    }
    if (message.t === 'hello' && !this.#hello) {
      this.#hello = message;
      void this.#enter(message);
      return;
    }
    this.#early ??= [];
    if (!this.#hello || this.#early.length >= MAX_EARLY) {
      this.#misuse('bad-message', {
        problem: 'The first message is hello, and then the server says welcome.',
        id: undefined,
      });
      return;
    }
    this.#early.push(message);
  }

  async #enter(hello: ClientMessageOf<'hello'>): Promise<void> {
    try {
      const seat = await this.#host.enter(this, hello);
      if (this.#closing !== undefined || this.#webSocket.readyState !== this.#webSocket.OPEN) {
        seat.leave();
        return;
      }
      this.#seat = seat;
      const early = this.#early ?? [];
      this.#early = undefined;
      for (const message of early) seat.receive(message);
    } catch (error) {
      const isRefusal = error instanceof OxbowError;
      if (!isRefusal) this.#host.failed(error);
      this.#host.refused(isRefusal ? error.code : 'bug');
      this.close((isRefusal && reasons[error.code]) || 'overload', isRefusal ? error.message : 'Try again.');
    }
  }

  #misuse(code: string, { problem, id }: NoMessage, retryAfterMs?: number): void {
    this.#host.refused(code);
    if (!this.#limits.tolerates(this.#host.monotonicMs())) {
      this.close('misuse', 'Too many messages that were refused.');
      return;
    }
    this.send({
      t: 'refused',
      code,
      detail: problem,
      ...(id !== undefined && { id }),
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    });
  }

  #leave(): void {
    this.#seat?.leave();
    this.#seat = undefined;
    this.#early = undefined;
  }

  #closed(): void {
    this.#queue.end();
    this.#leave();
    this.#host.closed(this, this.#closing);
  }
}
