/**
 * One visit to a room: its connection, its snapshot, its clock, and what goes over the connection.
 * In: the room's id. Out: state for components; events, requests and the signaling of calls for the parts of
 * the page that need them.
 */
import type { ClientMessage, RoomMessage, ServerMessage } from '../../../../src/api/room/messages.ts';
import { permissionBits, type RoomPermission } from '../../../../src/api/room/permissions.ts';
import { positionAt } from '../../../../src/api/room/playback.ts';
import { serverFor } from '../../api/server.ts';
import { CallSignaling, isCallNews } from './call-signaling.ts';
import { Outbox } from './outbox.ts';
import { RoomClock } from './room-clock.ts';
import { RoomConnection, type RoomSocket, type RoomStatus } from './room-connection.ts';
import { RoomEvents } from './room-events.ts';
import { RoomRequests } from './room-requests.ts';
import { addOlder, nextRoom, type RoomSnapshot, resumeAfter, unknownRoom } from './room-snapshot.ts';

/** The address of a room's WebSocket. */
function socketUrl(room: string): URL {
  const url = new URL(`${serverFor('')}/api/v1/rooms/${encodeURIComponent(room)}/socket`, location.href);
  url.protocol = url.protocol.replace('http', 'ws');
  return url;
}

/** A room, as one member sees it; reading its fields in a component follows them. */
export class RoomSession {
  readonly id: string;
  /** The server's time, unix ms: `clock.now()`. */
  readonly clock: RoomClock;
  readonly events = new RoomEvents();
  readonly requests: RoomRequests;
  readonly signaling: CallSignaling;
  status = $state.raw<RoomStatus>({ is: 'connecting' });
  /** Messages of this member that the server has not acknowledged, oldest first. */
  sending = $state.raw<Outbox['messages']>([]);
  #view = $state.raw<RoomSnapshot>(unknownRoom);
  readonly #connection: RoomConnection;
  readonly #outbox: Outbox;
  /** When the last hello was sent, on the steady clock, ms. */
  #helloAt = 0;
  readonly #send = (message: ClientMessage): boolean => this.#connection.send(message);

  /** @param openSocket for tests */
  constructor(id: string, openSocket: () => RoomSocket = () => new WebSocket(socketUrl(id))) {
    this.id = id;
    this.#outbox = new Outbox(() => {
      this.sending = this.#outbox.messages;
    });
    this.#connection = new RoomConnection({
      openSocket,
      hello: () => {
        const since = resumeAfter(this.#view);
        this.#helloAt = performance.now();
        return { t: 'hello', ...(since !== undefined && { since }), visible: !document.hidden };
      },
      onMessage: (message) => this.#receive(message),
      onStatus: (status) => {
        this.status = status;
        if (status.is !== 'open') this.#outbox.lost();
      },
    });
    this.clock = new RoomClock(this.#send);
    this.requests = new RoomRequests(this, this.#outbox, this.#send);
    this.signaling = new CallSignaling(this.#outbox, this.#send);
  }

  /** Everything that is known of the room. */
  get view(): RoomSnapshot {
    return this.#view;
  }

  /** Whether this person may do something. */
  may(permission: RoomPermission): boolean {
    return ((this.#view.you?.permissions ?? 0) & permissionBits[permission]) !== 0;
  }

  /** The room's position now, ms, UTC or from the start. */
  positionMs(): number {
    return positionAt(this.#view.state, this.clock.now());
  }

  /** Keeps the connection and the clock until `signal` aborts. */
  async open(signal: AbortSignal): Promise<void> {
    const again = () => {
      if (!document.hidden) this.wake();
    };
    addEventListener('online', again, { signal });
    addEventListener('offline', () => this.#connection.offline(), { signal });
    addEventListener('pageshow', again, { signal });
    document.addEventListener('visibilitychange', again, { signal });
    document.addEventListener('resume', again, { signal }); // the browser had frozen the page
    await Promise.all([this.#connection.keep(signal), this.clock.keep(signal)]);
    this.#outbox.close();
  }

  /**
   * The page is shown again, the network is back, or the machine slept: the connection and the clock are
   * checked.
   */
  wake(): void {
    this.#connection.again();
    this.clock.again();
  }

  /** Opens the connection again now, for example after the password was entered. */
  retry(): void {
    this.#connection.again();
  }

  /** Adds messages of the history, oldest first. */
  addOlder(messages: readonly RoomMessage[], hasOlder: boolean): void {
    this.#view = addOlder(this.#view, messages, hasOlder);
  }

  #receive(message: ServerMessage): void {
    if (message.t === 'clock') this.clock.answered(message);
    else if (message.t === 'ack' || message.t === 'refused') this.#outbox.answer(message);
    else if (isCallNews(message)) this.signaling.receive(message);
    // Listeners of the state need the clock.
    if (message.t === 'welcome') this.clock.hint(message.serverMs, performance.now() - this.#helloAt);
    const before = this.#view;
    this.#view = nextRoom(before, message);
    this.events.receive(message, before, this.#view);
    if (message.t !== 'welcome') return;
    this.clock.again();
    this.#outbox.resend(this.#send);
  }
}
