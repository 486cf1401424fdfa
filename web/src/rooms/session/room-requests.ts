/**
 * What a member does in a room, as messages to the server: commands, chat, danmaku, reactions, votes and
 * reports.
 * In: actions of the page, the room as it is then. Out: messages, and the answers of the server.
 */
import type { ClientMessage, ClientMessageOf } from '../../../../src/api/room/messages.ts';
import type { Outbox, SendResult, Unanswered } from './outbox.ts';
import type { RoomSnapshot } from './room-snapshot.ts';

/** The action of a command. */
export type RoomCommand = ClientMessageOf<'command'>['do'];
/** Positions are ms, UTC or from the start as in PlaybackState. */
export interface CommandOptions {
  readonly positionMs?: number;
  readonly rate?: number;
  readonly item?: string | null;
}
/** How a danmaku looks. */
export type DanmakuStyle = Pick<ClientMessageOf<'danmaku'>, 'color' | 'mode'>;

/** The room at the time of a request. */
interface RequestedRoom {
  readonly view: RoomSnapshot;
  /** Of the room, ms, UTC or from the start. */
  positionMs(): number;
}

/** The requests of one session. */
export class RoomRequests {
  readonly #room: RequestedRoom;
  readonly #outbox: Outbox;
  readonly #send: (message: ClientMessage) => boolean;

  /** @param send returns false without a connection */
  constructor(room: RequestedRoom, outbox: Outbox, send: (message: ClientMessage) => boolean) {
    this.#room = room;
    this.#outbox = outbox;
    this.#send = send;
  }

  /** Commands the room. Without a connection it is refused, not repeated. */
  command(action: RoomCommand, { positionMs, rate, item }: CommandOptions = {}): Promise<SendResult> {
    const message: ClientMessageOf<'command'> = {
      t: 'command',
      id: crypto.randomUUID(),
      rev: this.#room.view.state.rev,
      do: action,
      ...(positionMs !== undefined && { positionMs }),
      ...(rate !== undefined && { rate }),
      ...(item !== undefined && { item }),
    };
    return this.#outbox.add(message, this.#send);
  }

  /**
   * Requests the remote from those who may give it; the result has their number. Without a connection it is
   * refused.
   */
  ask(): Promise<SendResult> {
    return this.#outbox.add({ t: 'ask', id: crypto.randomUUID(), for: 'control' }, this.#send);
  }

  /** Sends a chat message; without a connection it waits for the next one. */
  chat(text: string, { replyTo }: { readonly replyTo?: number } = {}): Promise<SendResult> {
    const at = this.#room.view.state.item === null ? {} : { atMs: this.#room.positionMs() };
    const message = { t: 'chat' as const, id: crypto.randomUUID(), text, ...at };
    return this.#outbox.add({ ...message, ...(replyTo !== undefined && { replyTo }) }, this.#send);
  }

  /** Sends a danmaku at the room's position. */
  danmaku(text: string, style: DanmakuStyle = {}): Promise<SendResult> {
    const atMs = this.#room.positionMs();
    return this.#outbox.add({ t: 'danmaku', id: crypto.randomUUID(), text, atMs, ...style }, this.#send);
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
    return this.#send({ t: 'report', ...report });
  }

  #post(message: Unanswered): boolean {
    return this.#outbox.post(message, this.#send);
  }
}
