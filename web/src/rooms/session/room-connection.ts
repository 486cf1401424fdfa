/**
 * The WebSocket of a room: opened again after each loss until the server refuses it for good.
 * In: a way to open sockets. Out: messages of the server, the status of the connection.
 * docs/7-together/messages.md.
 */
import { type ClientMessage, roomCloseCodes, type ServerMessage } from '../../../../src/api/room/messages.ts';
import { pause } from '../../api/poll.ts';

/** Why the server refused a connection for good. */
type RoomRefusal = keyof typeof roomCloseCodes;

/** The connection to a room. */
export type RoomStatus =
  | { readonly is: 'connecting' | 'open' | 'closed' }
  /** It was lost, and is opened again after `inMs`. `pending`: a moderator must let this person in. */
  | { readonly is: 'waiting'; readonly failed: number; readonly inMs: number; readonly pending: boolean }
  /** It is not opened again before `retry`. */
  | { readonly is: 'refused'; readonly reason: RoomRefusal; readonly detail: string };

/** The used part of a WebSocket. */
export interface RoomSocket {
  readonly readyState: number;
  send(text: string): void;
  close(): void;
  addEventListener(type: 'open' | 'message' | 'close', listener: (event: SocketEvent) => void): void;
}

/** The used part of its events. */
export interface SocketEvent {
  /** Of `message`. */
  readonly data?: unknown;
  /** Of `close`. */
  readonly code?: number;
  readonly reason?: string;
}

/** What a connection is created with. */
interface RoomConnectionParts {
  readonly openSocket: () => RoomSocket;
  /** The first message of each connection. */
  readonly hello: () => ClientMessage;
  readonly onMessage: (message: ServerMessage) => void;
  readonly onStatus: (status: RoomStatus) => void;
  /** 0 to 1. */
  readonly random?: () => number;
  /** Resolves after some milliseconds, or when the signal aborts. */
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** First pause before the next attempt, milliseconds. It doubles with each attempt. */
const FIRST_PAUSE_MS = 200;
/** Longest pause, milliseconds: everyone is back within 5 s of a restart. */
const LONGEST_PAUSE_MS = 4_000;
/** Longest pause of the first attempts, milliseconds: another node takes a room over within seconds. */
const LONGEST_AT_FIRST_MS = 1_200;
const FIRST_ATTEMPTS = 12;
/** A moderator lets people in: requested again this often, milliseconds. */
const PENDING_MS = 5_000;
/**
 * Without a message for this long a request is sent, milliseconds. Its clock is read more often;
 * but the timers of a page in the background may be a minute late.
 */
const SILENT_MS = 9_000;
/** After this time without a welcome the attempt is given up, milliseconds. */
const WELCOME_WITHIN_MS = 10_000;
/**
 * After a question, or when the page is shown again or the network is back, a message must come soon,
 * milliseconds.
 */
const PROBE_MS = 3_000;

/** Reasons after which the connection is opened again without a request of the viewer. */
const TEMPORARY: ReadonlySet<RoomRefusal> = new Set(['stopping', 'moved', 'overload', 'too-slow', 'pending']);

const reasonOf: ReadonlyMap<number, RoomRefusal> = new Map(
  Object.entries(roomCloseCodes).map(([reason, code]) => [code, reason as RoomRefusal]),
);

/**
 * The pause before an attempt.
 *
 * @param failed attempts since the last welcome
 * @param random 0 to 1: members come back spread over half of it
 */
export function pauseBefore(failed: number, random: number): number {
  const longestMs = failed < FIRST_ATTEMPTS ? LONGEST_AT_FIRST_MS : LONGEST_PAUSE_MS;
  return Math.min(longestMs, FIRST_PAUSE_MS * 2 ** failed) * (0.5 + random / 2);
}

export class RoomConnection {
  readonly #parts: Required<RoomConnectionParts>;
  #socket: RoomSocket | null = null;
  #isOpen = false;
  #heard: () => void = () => {};
  #probe: () => void = () => {};
  #close: () => void = () => {};
  #again = new AbortController();

  constructor(parts: RoomConnectionParts) {
    this.#parts = { random: Math.random, pause, ...parts };
  }

  /** The server has welcomed this connection. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Sends a message. Returns false if there is no connection: nothing is queued. */
  send(message: ClientMessage): boolean {
    if (!this.#isOpen || this.#socket?.readyState !== 1) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /**
   * The viewer tries again, the network is back, or the page is shown: an attempt is made now, and an open
   * connection is probed.
   */
  again(): void {
    this.#again.abort();
    this.#again = new AbortController();
    this.#probe();
  }

  /**
   * The browser says that there is no network: the connection is lost now, not once it has been silent for
   * long.
   */
  offline(): void {
    this.#close();
  }

  /** Keeps the connection until `signal` aborts. */
  async keep(signal: AbortSignal): Promise<void> {
    const { onStatus, random, pause: wait } = this.#parts;
    for (let failed = 0; !signal.aborted; failed++) {
      onStatus({ is: 'connecting' });
      const { wasOpen, reason, detail } = await this.#connect(signal);
      if (signal.aborted) break;
      if (wasOpen) failed = 0;
      const waits = AbortSignal.any([signal, this.#again.signal]);
      if (reason !== null && !TEMPORARY.has(reason)) {
        onStatus({ is: 'refused', reason, detail });
        await aborted(waits);
        failed = -1;
      } else {
        const pending = reason === 'pending';
        const inMs = pending ? PENDING_MS : pauseBefore(failed, random());
        onStatus({ is: 'waiting', failed, inMs, pending });
        await wait(inMs, waits);
      }
    }
    onStatus({ is: 'closed' });
  }

  /** Resolves when the connection is lost. */
  #connect(signal: AbortSignal): Promise<{ wasOpen: boolean; reason: RoomRefusal | null; detail: string }> {
    const { openSocket, hello, onMessage, onStatus, pause: wait } = this.#parts;
    return new Promise((resolve) => {
      const ends = new AbortController();
      const socket = openSocket();
      this.#socket = socket;
      let bye: { reason: RoomRefusal; detail: string } | null = null;
      let wasOpen = false;
      let silence = new AbortController();
      const close = () => {
        if (socket.readyState === 1) socket.close();
        else socket.addEventListener('open', () => socket.close()); // browsers log an error if it is closed while it connects
        lost(null);
      };
      /** Given up if nothing is received within the time. */
      const expect = (withinMs: number, otherwise = close) => {
        silence.abort();
        silence = new AbortController();
        const within = AbortSignal.any([ends.signal, silence.signal]);
        void wait(withinMs, within).then(() => {
          if (!within.aborted) otherwise();
        });
      };
      const ask = () => {
        this.send({ t: 'clock', c: 0 });
        expect(PROBE_MS);
      };
      const lost = (event: SocketEvent | null) => {
        if (ends.signal.aborted) return;
        ends.abort();
        signal.removeEventListener('abort', close);
        this.#isOpen = false;
        this.#socket = null;
        this.#heard = () => {};
        this.#probe = () => {};
        this.#close = () => {};
        resolve({
          wasOpen,
          reason: bye?.reason ?? ((event?.code !== undefined && reasonOf.get(event.code)) || null),
          detail: bye?.detail ?? '',
        });
      };
      if (signal.aborted) return close();
      signal.addEventListener('abort', close);
      this.#heard = () => expect(SILENT_MS, ask);
      this.#probe = () => expect(PROBE_MS);
      this.#close = close;
      expect(WELCOME_WITHIN_MS);
      socket.addEventListener('open', () => {
        if (!ends.signal.aborted) socket.send(JSON.stringify(hello()));
      });
      socket.addEventListener('message', ({ data }) => {
        if (ends.signal.aborted) return;
        const message = JSON.parse(String(data)) as ServerMessage;
        this.#heard();
        if (message.t === 'bye') bye = message;
        if (message.t === 'welcome') {
          wasOpen = true;
          this.#isOpen = true;
          onStatus({ is: 'open' });
        }
        onMessage(message);
      });
      socket.addEventListener('close', lost);
    });
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
