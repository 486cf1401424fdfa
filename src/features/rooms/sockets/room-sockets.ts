/**
 * The WebSockets of all rooms: who may connect, how many, and who is still there.
 * In: requests to upgrade. Out: connections until either side ends them. docs/7-together/messages.md;
 * RFC 6455.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ServerOptions, WebSocketServer } from 'ws';
import { MAX_CLIENT_MESSAGE } from '../../../api/room/messages.ts';
import type { HttpDeps } from '../../../http/deps.ts';
import { OxbowError } from '../../../lib/errors.ts';
import { FanOut } from '../live/fan-out.ts';
import type { RoomParts } from '../parts.ts';
import { type ConnectionHost, type RoomClient, RoomConnection } from './room-connection.ts';
import { SocketCounts } from './socket-counts.ts';
import type { RoomSocketLimits } from './socket-limits.ts';

/** Interval of pings of a connection, s; one that did not answer the last one is gone. */
export const PING_S = 25;
/** Interval at which it is checked whether a connection is still signed in, s. */
const CHECK_S = 5;
/** A connection says hello within this, ms. */
const HELLO_MS = 10_000;
/** A client that does not answer the close frame within this is disconnected, ms. */
const CLOSE_WITHIN_MS = 2000;

type SocketDeps = Pick<HttpDeps, 'clock' | 'metrics' | 'log'>;

/** The connections of a process. */
export class RoomSockets implements Disposable {
  readonly #deps: SocketDeps;
  readonly #limits: () => RoomSocketLimits;
  readonly #counts: SocketCounts;
  readonly #fanOut: FanOut;
  readonly #host: ConnectionHost;
  readonly #server: WebSocketServer;
  readonly #connections = new Set<RoomConnection>();
  /** The same, by the second of their ping. */
  readonly #slots = Array.from({ length: PING_S }, () => new Set<RoomConnection>());
  readonly #byUser = new Map<string, number>();
  /** Those that have not said hello, oldest first. */
  readonly #silent = new Set<RoomConnection>();
  readonly #stopReading: () => void;
  #sweep: NodeJS.Timeout | undefined;
  #second = 0;
  #lastId = 0;
  #isClosed = false;

  constructor({ rooms, socketLimits: limits }: Pick<RoomParts, 'rooms' | 'socketLimits'>, deps: SocketDeps) {
    this.#deps = deps;
    this.#limits = limits;
    const { clock } = deps;
    const counts = new SocketCounts(deps);
    this.#counts = counts;
    this.#fanOut = new FanOut(counts);
    this.#host = {
      nowMs: () => clock.nowMs(),
      monotonicMs: () => clock.monotonicMs(),
      openFrameQueue: (connection) => this.#fanOut.open(connection.socket, () => connection.giveUp()),
      enter: async (connection, hello) => {
        this.#silent.delete(connection);
        return (await rooms.get(connection.room)).enter(connection, hello);
      },
      received: (message) => counts.received(message),
      sent: (type) => counts.sent(type),
      refused: (code) => counts.refused(code),
      failed: (error) => counts.failed(error),
      closed: (connection, reason) => {
        if (reason === 'too-slow') counts.tooSlow();
        this.#forget(connection);
      },
      get messageRate() {
        return limits().messageRate;
      },
    };
    // The types of ws have no `closeTimeout` yet.
    const options: ServerOptions & { readonly closeTimeout: number } = {
      noServer: true,
      perMessageDeflate: false,
      clientTracking: false,
      closeTimeout: CLOSE_WITHIN_MS,
      maxPayload: MAX_CLIENT_MESSAGE,
      skipUTF8Validation: false,
    };
    this.#server = new WebSocketServer(options);
    this.#stopReading = deps.metrics.beforeScrape(() => {
      let unsent = 0;
      const rooms = new Set<string>();
      const members = new Set<string>();
      for (const connection of this.#connections) {
        unsent += connection.unsent;
        if (!connection.isIn) continue;
        rooms.add(connection.room);
        members.add(`${connection.room} ${connection.user.id}`);
      }
      deps.metrics.rooms.set(rooms.size);
      deps.metrics.roomMembers.set(members.size);
      deps.metrics.roomUnsentBytes.set(unsent);
    });
  }

  /**
   * Upgrades a request of a client that was authorized.
   *
   * @throws OxbowError `busy`, `limit-reached`, `not-ready`
   */
  open(request: IncomingMessage, socket: Duplex, head: Buffer, room: string, client: RoomClient): void {
    const { user } = client;
    const ofUser = this.#byUser.get(user.id) ?? 0;
    const { connections, connectionsPerUser } = this.#limits();
    if (this.#isClosed) throw new OxbowError('not-ready', 'oxbow is stopping.', { extra: { retryAfterSeconds: 5 } });
    if (this.#connections.size >= connections)
      throw new OxbowError('busy', `The server has ${connections} connections to rooms.`, {
        extra: { retryAfterSeconds: 30 },
      });
    if (ofUser >= connectionsPerUser)
      throw new OxbowError('limit-reached', `You have ${connectionsPerUser} connections to rooms.`, {
        extra: { hint: 'Close a page of a room.' },
      });
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      const id = String(++this.#lastId);
      const connection = new RoomConnection(this.#host, webSocket, { ...client, id, room, socket: socket as Socket });
      this.#connections.add(connection);
      this.#silent.add(connection);
      this.#slots[this.#lastId % PING_S]!.add(connection);
      this.#byUser.set(user.id, ofUser + 1);
      this.#deps.metrics.roomConnections.set(this.#connections.size);
      this.#sweep ??= setInterval(() => this.#look(), 1000);
    });
  }

  /** A request was refused. */
  refused(code: string): void {
    this.#counts.refused(code);
  }

  /** Ends all connections and accepts no more. May be called twice. */
  close(): void {
    this.#isClosed = true;
    for (const connection of [...this.#connections]) connection.close('stopping', 'oxbow is stopping.');
  }

  [Symbol.dispose](): void {
    this.close();
    for (const connection of [...this.#connections]) connection.destroy();
    clearInterval(this.#sweep);
    this.#stopReading();
    this.#counts[Symbol.dispose]();
  }

  /** Once a second: pings a part of the connections, and ends those that may not stay. */
  #look(): void {
    const second = this.#second++;
    for (const connection of this.#slots[second % PING_S]!) connection.ping();
    for (let slot = second % CHECK_S; slot < PING_S; slot += CHECK_S) {
      for (const connection of this.#slots[slot]!) {
        const credentials = connection.credentials();
        if (credentials === 'ended') connection.close('signedOut', 'The session or the token has ended.');
        // A room knows a connection by the role that it was opened with.
        if (credentials === 'changed') connection.close('overload', 'Your role on this server has changed.');
      }
    }
    const before = this.#deps.clock.monotonicMs() - HELLO_MS;
    for (const connection of this.#silent) {
      if (connection.openedAt > before) break;
      this.#silent.delete(connection);
      this.#counts.refused('no-hello');
      connection.close('misuse', 'The first message is hello.');
    }
  }

  #forget(connection: RoomConnection): void {
    if (!this.#connections.delete(connection)) return;
    this.#silent.delete(connection);
    this.#slots[Number(connection.id) % PING_S]!.delete(connection);
    const { id } = connection.user;
    const left = this.#byUser.get(id)! - 1;
    if (left > 0) this.#byUser.set(id, left);
    else this.#byUser.delete(id);
    this.#deps.metrics.roomConnections.set(this.#connections.size);
    if (this.#connections.size > 0) return;
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }
}
