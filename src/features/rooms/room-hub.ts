/**
 * Sends messages to the people of a room: notices at once; the playlist, comings and goings, and offsets with
 * the ticks.
 * In: connections, notices, ticks. Out: messages to connections.
 */
import type { UserRef } from '../../accounts/users/user.ts';
import type { RoomItem } from '../../api/room/item-shapes.ts';
import { MAX_LISTED } from '../../api/room/limits.ts';
import type { ServerMessage } from '../../api/room/messages.ts';
import type { MemberView } from '../../api/room/room-shapes.ts';
import type { Connection } from './participants/connection.ts';
import type { Connections } from './participants/connections.ts';
import { ParticipantList } from './participants/participant-list.ts';
import type { ReportedConnection } from './participants/participants.ts';
import { ItemSender } from './playlist/send-items.ts';
import type { MemberRecord } from './room-record.ts';
import type { RoomNotice, RoomState } from './room-state.ts';

/** The connections of one room. */
export class RoomHub {
  readonly #state: RoomState;
  readonly #connections: Connections;
  readonly #items: ItemSender;
  readonly #list: ParticipantList;
  /** Number of people that was sent last. */
  #sentCount = 0;

  constructor(state: RoomState, connections: Connections) {
    this.#state = state;
    this.#connections = connections;
    this.#items = new ItemSender(state, (message, isFor) => connections.broadcast(message, isFor));
    this.#list = new ParticipantList({
      members: state.members,
      participants: state.participants,
      viewOf: (user) => state.views.member(this.#memberOf(user)),
      broadcast: (message) => connections.broadcast(message),
    });
  }

  /** Sends a notice to everyone, or to some. */
  send({ message, isFor }: RoomNotice): void {
    this.#connections.broadcast(message, isFor);
  }

  /** Sends to every connection of a person. */
  sendTo(user: string, message: ServerMessage): void {
    for (const connection of this.#state.participants.find(user)?.connections.keys() ?? []) connection.send(message);
  }

  /** A connection enters; it gets nothing before `join`. Returns the content of its welcome. */
  enter(
    connection: Connection,
    isVisible: boolean,
  ): {
    readonly reported: ReportedConnection;
    readonly members: readonly MemberView[];
    readonly items: readonly RoomItem[];
  } {
    const { user } = connection;
    const reported = this.#state.participants.add(connection, isVisible);
    this.#list.came(user);
    return { reported, members: this.#welcomed(user), items: this.#items.enter(user) };
  }

  /** A connection has its welcome, and gets everything from now on. */
  join(connection: Connection, monoMs: number): void {
    this.#connections.add(connection);
    this.#list.announce(connection.user, monoMs);
  }

  /** A connection has ended. Returns false if it had ended before. Call `announce` after it. */
  remove(connection: Connection): boolean {
    if (!this.#state.participants.remove(connection)) return false;
    this.#connections.remove(connection);
    return true;
  }

  /** A person went, or has one connection less. */
  announce(user: UserRef, monoMs: number): void {
    if (this.#state.participants.count(user.id) === 0) this.#items.left(user.id);
    this.#list.announce(user, monoMs);
  }

  /** A notice about a person was sent to everyone, whose lists have them from now on. */
  listed(user: string): void {
    this.#list.changed(user);
  }

  /** The playlist, or who may see it, has changed. */
  itemsChanged(): void {
    this.#items.changed();
  }

  /** Another entry plays. */
  itemPlayed(): void {
    this.#items.played();
  }

  /** Sends due changes of the playlist and of comings and goings. */
  tick(monoMs: number): void {
    this.#items.tick(monoMs);
    this.#list.tick(monoMs);
  }

  /** Sends frequent changes, once a second: offsets, the number of people. */
  slowTick(): void {
    const { participants, views } = this.#state;
    const offsets = participants.takeOffsets().filter(([user]) => this.#list.has(user));
    if (offsets.length > 0) this.#connections.broadcast({ t: 'offsets', offsets });
    const { size } = participants;
    // In a small room everyone counts their list.
    if (size !== this.#sentCount && Math.max(size, this.#sentCount) > MAX_LISTED) {
      this.#sentCount = size;
      this.#connections.broadcast({ t: 'room', room: views.room() });
    }
  }

  #memberOf(user: UserRef): MemberRecord {
    return this.#state.members.find(user.id) ?? this.#state.remember(user, 'active');
  }

  #welcomed(to: UserRef): readonly MemberView[] {
    const { members, views } = this.#state;
    const shown = this.#state.may(to, 'approve') ? [...members.pending.take(MAX_LISTED)] : [];
    for (const user of this.#list.welcomed(to)) shown.push(this.#memberOf(user));
    return shown.map((member) => views.member(member));
  }
}
