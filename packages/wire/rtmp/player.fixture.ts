/**
 * A client that plays, for tests.
 * In: a port or a socket, a name. Out: statuses and media messages; it can stop reading. Used by tests only.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { parseAmf0, printAmf0 } from '@oxbow/media/amf/amf0';
import { type AmfValue, isAmfObject } from '@oxbow/media/amf/value';
import { RtmpLink } from './link.ts';
import { messageType } from './message.ts';

/** What a player asks for. */
export interface PlayerRequest {
  /** With its query. */
  readonly playPath: string;
  /** Codecs of enhanced RTMP; none if not given. */
  readonly fourCcs?: readonly string[];
  /** `live` if not given. */
  readonly app?: string;
}

/** A media message. */
export interface PlayedMessage {
  readonly type: number;
  readonly timestampMs: number;
  readonly body: Uint8Array;
}

/** Connects and asks to play. */
export class TestPlayer {
  /** Codes of statuses, and descriptions. */
  readonly statuses: (readonly [code: string, description: string])[] = [];
  readonly messages: PlayedMessage[] = [];
  readonly socket: Socket;
  readonly #link: RtmpLink;
  #changed = Promise.withResolvers<void>();
  /** Resolves when the connection has closed. */
  readonly closed: Promise<unknown>;

  constructor(socket: Socket, { playPath, fourCcs = [], app = 'live' }: PlayerRequest) {
    this.socket = socket;
    this.closed = once(socket, 'close');
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => this.#link.push(bytes));
    this.#link = new RtmpLink({
      side: 'client',
      limits: { maxMessageBytes: 0xffffff },
      send: (bytes) => void (socket.writable && socket.write(bytes)),
      onReady: () => {
        this.#link.announce();
        const list = fourCcs.length > 0 ? { fourCcList: fourCcs } : {};
        this.command('connect', 0, 1, { app, flashVer: 'test', tcUrl: `rtmp://127.0.0.1/${app}`, ...list });
        this.command('createStream', 0, 2, null);
        this.command('play', 1, 3, null, playPath);
      },
      onMessage: (type, timestampMs, _streamId, body) => {
        if (type === messageType.command) this.#status(parseAmf0(body));
        else this.messages.push({ type, timestampMs, body });
      },
    });
  }

  /** Connects to a port of this computer. */
  static async connect(port: number, request: PlayerRequest): Promise<TestPlayer> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    return new TestPlayer(socket, request);
  }

  /** Sends a command. */
  command(name: string, streamId: number, transaction: number, ...values: readonly AmfValue[]): void {
    this.#link.write(messageType.command, 0, streamId, printAmf0([name, transaction, ...values]));
  }

  /** Waits for a status; it may have come before. */
  async status(code: string): Promise<string> {
    for (;;) {
      const found = this.statuses.find(([each]) => each === code);
      if (found) return found[1];
      if (this.socket.destroyed) throw new Error(`closed without ${code}: ${this.statuses.join('; ')}`);
      await Promise.race([this.#changed.promise, this.closed]);
    }
  }

  #status([name, , , info]: AmfValue[]): void {
    if (name !== 'onStatus' || !isAmfObject(info)) return;
    this.statuses.push([String(info.code), String(info.description)]);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
