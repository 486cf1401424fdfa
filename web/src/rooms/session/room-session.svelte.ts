/**
 * One visit to a room: its connection, its snapshot, and the actions of a member.
 * In: the room's id. Out: state for components, events for chat and danmaku, the clock and the playback state
 * for the player.
 */
import type { CallMedia } from '../../../../src/api/room/call-shapes.ts';
import type { ClientMessageOf, RoomMessage, ServerMessage } from '../../../../src/api/room/messages.ts';
import { permissionBits, type RoomPermission } from '../../../../src/api/room/permissions.ts';
import { type PlaybackState, positionAt } from '../../../../src/api/room/playback.ts';
import { serverFor } from '../../api/server.ts';
import { Outbox, type SendResult, type Unanswered } from './outbox.ts';
import { RoomClock } from './room-clock.ts';
import { RoomConnection, type RoomSocket, type RoomStatus } from './room-connection.ts';
import { addOlder, nextRoom, presentIn, type RoomSnapshot, resumeAfter, unknownRoom } from './room-snapshot.ts';

/** The action of a command. */
export type RoomCommand = ClientMessageOf<'command'>['do'];
/** Positions are ms, UTC or from the start as in PlaybackState. */
export interface CommandOptions {
  readonly positionMs?: number;
  readonly rate?: number;
  readonly item?: string | null;
}
/** Someone requests a permission. */
type Asked = Extract<ServerMessage, { t: 'asked' }>;
/** News of the server about the call. */
export type CallNews = Extract<
  ServerMessage,
  { t: 'call' | 'call-joined' | 'call-signal' | 'call-slots' | 'call-ended' }
>;
/** How a danmaku looks. */
export type DanmakuStyle = Pick<ClientMessageOf<'danmaku'>, 'color' | 'mode'>;

const isCallNews = (message: ServerMessage): message is CallNews =>
  message.t === 'call' || message.t.startsWith('call-');

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
  status = $state.raw<RoomStatus>({ is: 'connecting' });
  /** Messages of this member that the server has not acknowledged, oldest first. */
  sending = $state.raw<Outbox['messages']>([]);
  #view = $state.raw<RoomSnapshot>(unknownRoom);
  readonly #connection: RoomConnection;
  readonly #outbox: Outbox;
  readonly #listeners = new Set<(message: RoomMessage) => void>();
  readonly #stateListeners = new Set<() => void>();
  readonly #askedListeners = new Set<(asked: Asked) => void>();
  readonly #callListeners = new Set<(news: CallNews) => void>();
  /** When the last hello was sent, on the steady clock, ms. */
  #helloAt = 0;

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
    this.clock = new RoomClock((message) => this.#connection.send(message));
  }

  /** Everything that is known of the room. */
  get view(): RoomSnapshot {
    return this.#view;
  }
  /** Null before the first welcome, as `you`. */
  get room(): RoomSnapshot['room'] {
    return this.#view.room;
  }
  get you(): RoomSnapshot['you'] {
    return this.#view.you;
  }
  get members(): RoomSnapshot['members'] {
    return this.#view.members;
  }
  /** How many people are here. */
  get present(): number {
    return presentIn(this.#view);
  }
  get items(): RoomSnapshot['items'] {
    return this.#view.items;
  }
  get state(): PlaybackState {
    return this.#view.state;
  }
  /** Null: no one talks. */
  get call(): RoomSnapshot['call'] {
    return this.#view.call;
  }
  get polls(): RoomSnapshot['polls'] {
    return this.#view.polls;
  }
  /** Oldest first; see `hasOlder`. */
  get messages(): RoomSnapshot['messages'] {
    return this.#view.messages;
  }
  get hasOlder(): boolean {
    return this.#view.hasOlder;
  }
  get lastSeq(): number {
    return this.#view.lastSeq;
  }
  /** Between two messages of a member, seconds; 0: off. */
  get slowModeSeconds(): number {
    return this.#view.room?.options.slowModeSeconds ?? 0;
  }
  /** Unix ms of the server; null: not muted. */
  get mutedUntilMs(): number | null {
    return this.#view.you?.mutedUntilMs ?? null;
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

  /**
   * Calls `listener` with each new chat message, danmaku and notice; not with those that were there before.
   * Returns its end.
   */
  onMessage(listener: (message: RoomMessage) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Calls `listener` when the room has another state. Returns its end. */
  onState(listener: () => void): () => void {
    this.#stateListeners.add(listener);
    return () => this.#stateListeners.delete(listener);
  }

  /** Calls `listener` when someone requests a permission from this person. Returns its end. */
  onAsked(listener: (asked: Asked) => void): () => void {
    this.#askedListeners.add(listener);
    return () => this.#askedListeners.delete(listener);
  }

  /** Calls `listener` with what the server says about the call, in its order. Returns its end. */
  onCall(listener: (news: CallNews) => void): () => void {
    this.#callListeners.add(listener);
    return () => this.#callListeners.delete(listener);
  }

  /** Joins the call with this connection, or changes what it sends there. */
  setCallMedia(t: 'call-join' | 'call-media', media: CallMedia, recording: boolean): Promise<SendResult> {
    const { microphone, camera, screen } = media;
    const message = { t, id: crypto.randomUUID(), microphone, camera, screen, ...(recording && { recording }) };
    return this.#outbox.add(message, (message) => this.#connection.send(message));
  }

  /**
   * Leaves the call, or passes a signal on to another participant. Without a connection there is nothing to
   * leave.
   */
  sendToCall(message: ClientMessageOf<'call-leave' | 'call-signal'>): boolean {
    return this.#connection.send(message);
  }

  /** Adds messages of the history, oldest first. */
  addOlder(messages: readonly RoomMessage[], hasOlder: boolean): void {
    this.#view = addOlder(this.#view, messages, hasOlder);
  }

  /** Commands the room. Without a connection it is refused, not repeated. */
  command(action: RoomCommand, { positionMs, rate, item }: CommandOptions = {}): Promise<SendResult> {
    const message: ClientMessageOf<'command'> = {
      t: 'command',
      id: crypto.randomUUID(),
      rev: this.#view.state.rev,
      do: action,
      ...(positionMs !== undefined && { positionMs }),
      ...(rate !== undefined && { rate }),
      ...(item !== undefined && { item }),
    };
    return this.#outbox.add(message, (message) => this.#connection.send(message));
  }

  /**
   * Requests the remote from those who may give it; the result has their number. Without a connection it is
   * refused.
   */
  ask(): Promise<SendResult> {
    const message = { t: 'ask' as const, id: crypto.randomUUID(), for: 'control' as const };
    return this.#outbox.add(message, (message) => this.#connection.send(message));
  }

  /** Sends a chat message; without a connection it waits for the next one. */
  chat(text: string, { replyTo }: { readonly replyTo?: number } = {}): Promise<SendResult> {
    const at = this.#view.state.item === null ? {} : { atMs: this.positionMs() };
    const message = { t: 'chat' as const, id: crypto.randomUUID(), text, ...at };
    return this.#outbox.add({ ...message, ...(replyTo !== undefined && { replyTo }) }, (message) =>
      this.#connection.send(message),
    );
  }

  /** Sends a danmaku at the room's position. */
  danmaku(text: string, style: DanmakuStyle = {}): Promise<SendResult> {
    const message = { t: 'danmaku' as const, id: crypto.randomUUID(), text, atMs: this.positionMs(), ...style };
    return this.#outbox.add(message, (message) => this.#connection.send(message));
  }

  /** Adds or takes back a reaction; without a connection it waits for the next one, as what follows. */
  react(seq: number, emoji: string, on: boolean): boolean {
    return this.#post({ t: 'react', seq, emoji, on });
  }

  /** Deletes a message. */
  remove(seq: number): boolean {
    return this.#post({ t: 'delete', seq });
  }

  /** Votes; replaces the vote before. @param choices indexes, from 0 */
  vote(poll: string, choices: readonly number[]): boolean {
    return this.#post({ t: 'vote', poll, choices: [...choices] });
  }

  /** Reports how the player is. */
  report(report: Omit<ClientMessageOf<'report'>, 't'>): boolean {
    return this.#connection.send({ t: 'report', ...report });
  }

  #post(message: Unanswered): boolean {
    return this.#outbox.post(message, (message) => this.#connection.send(message));
  }

  #receive(message: ServerMessage): void {
    if (message.t === 'clock') this.clock.answered(message);
    else if (message.t === 'asked') for (const listener of this.#askedListeners) listener(message);
    else if (message.t === 'ack' || message.t === 'refused') this.#outbox.answer(message);
    else if (isCallNews(message)) for (const listener of this.#callListeners) listener(message);
    // Listeners of the state need the clock.
    if (message.t === 'welcome') this.clock.hint(message.serverMs, performance.now() - this.#helloAt);
    const before = this.#view;
    this.#view = nextRoom(before, message);
    if (this.#view.state !== before.state) for (const listener of this.#stateListeners) listener();
    if (message.t === 'welcome') {
      this.clock.again();
      this.#outbox.resend((message) => this.#connection.send(message));
    } else if (message.t === 'message') {
      const { author, id } = message.message;
      // One that was delivered before it was lost by the server comes again.
      const isKnown = before.messages.some((other) => other.author === author && other.id === id);
      if (!isKnown) for (const listener of this.#listeners) listener(message.message);
    }
  }
}
