/**
 * One open room: who is in it, what plays, what is written. Everything that members send passes here.
 * In: connections and their messages, changes over the API. Out: messages to connections; rows to store.
 */
import type { UserRef } from '../accounts/users/user.ts';
import { printRfc3339 } from '../api/instant.ts';
import type { RoomItem } from '../api/room/item-shapes.ts';
import type { ClientMessage, ClientMessageOf, roomCloseCodes, ServerMessage } from '../api/room/messages.ts';
import { permissionBits, type RoomPermission } from '../api/room/permissions.ts';
import { type PlaybackState, positionAt } from '../api/room/playback.ts';
import type { MemberView, RoomView } from '../api/room/room-shapes.ts';
import type { Clock } from '../lib/clock.ts';
import { OxbowError } from '../lib/errors.ts';
import type { Audience } from './audience.ts';
import { Members, type PermissionCounts } from './members.ts';
import type { Peer } from './peer.ts';
import { Presence, type PresentPeer } from './presence.ts';
import type { ChatRoom, ChatSender, OpenChat, RoomChat } from './room-chat.ts';
import type { RoomMedia } from './room-media.ts';
import type { ItemRecord, MemberRecord, RoomProgress, RoomRecord } from './room-record.ts';
import type { RoomTables } from './room-tables.ts';

/** Most people in the list of a welcome; the others are listed over HTTP. */
const MAX_WELCOMED = 500;
/** Most connections of a person to one room. */
const MAX_CONNECTIONS = 10;

/** What rooms are made of. */
export interface RoomDeps {
  readonly tables: RoomTables;
  readonly clock: Clock;
  readonly media: RoomMedia;
  readonly openChat: OpenChat;
  readonly createAudience: () => Audience;
  /** The settings now. */
  readonly settings: () => { readonly capacity: number };
  readonly permissionCounts?: PermissionCounts;
}

/** The place of a connection in a room. */
export interface RoomSeat {
  /** Takes a message that matches its schema; what is wrong with it is answered to the peer. Never throws and never waits. */
  receive(message: ClientMessage): void;
  /** The connection ended. May be called twice. */
  leave(): void;
}

/** What a room is opened with. */
export interface StoredRoom extends RoomProgress {
  readonly room: RoomRecord;
  readonly members: readonly MemberRecord[];
  readonly items: readonly ItemRecord[];
}

/** An open room. */
export class Room {
  readonly members: Members;
  readonly presence = new Presence();
  readonly #deps: RoomDeps;
  readonly #audience: Audience;
  #record: RoomRecord;
  #state: PlaybackState;
  #chat!: RoomChat;

  private constructor(deps: RoomDeps, { room, state, members }: StoredRoom) {
    this.#deps = deps;
    this.#record = room;
    this.#state = state;
    this.#audience = deps.createAudience();
    this.members = new Members(room, members, deps.permissionCounts);
  }

  /** Opens a room. */
  static async open(deps: RoomDeps, stored: StoredRoom): Promise<Room> {
    const room = new Room(deps, stored);
    room.#chat = await deps.openChat(room.#chatRoom());
    return room;
  }

  /** What is stored of it. */
  get record(): RoomRecord {
    return this.#record;
  }

  /** What plays. */
  get state(): PlaybackState {
    return this.#state;
  }

  /** The chat. */
  get chat(): RoomChat {
    return this.#chat;
  }

  /**
   * A connection enters: it gets `welcome`, and from then on everything.
   *
   * @throws OxbowError `room-full`, `room-banned`, `room-password`, `room-pending`, `room-guests-off`, `limit-reached`
   */
  enter(peer: Peer, hello: Omit<ClientMessageOf<'hello'>, 't'> = {}): RoomSeat {
    this.admit(peer.user, peer.address);
    if (this.presence.count(peer.user.id) >= MAX_CONNECTIONS)
      throw new OxbowError('limit-reached', `You have ${MAX_CONNECTIONS} connections to this room.`);
    const present = this.presence.add(peer, hello.visible ?? true);
    const { lastSeq, ...history } = this.#chat.history(hello.since, peer.user.id);
    peer.send({
      t: 'welcome',
      you: { user: peer.user.id, name: peer.user.name, permissions: this.members.maskOf(peer.user) },
      serverMs: this.#deps.clock.nowMs(),
      room: this.view(),
      state: this.#state,
      members: this.#welcomed(),
      items: this.#items(),
      ...history,
      lastSeq,
    });
    this.#audience.add(peer);
    this.broadcast({ t: 'member', member: this.memberView(this.#memberOf(peer.user)) });
    return {
      receive: (message) => this.#receive(present, message),
      leave: () => this.#leave(peer),
    };
  }

  /** To everyone in the room. */
  broadcast(message: ServerMessage): void {
    this.#audience.broadcast(message);
  }

  /** Ends every connection of a person. */
  disconnect(user: string, reason: keyof typeof roomCloseCodes, detail: string): void {
    for (const { peer } of [...(this.presence.find(user)?.peers.values() ?? [])]) {
      peer.close(reason, detail);
      this.#leave(peer);
    }
  }

  /** Whether a person may do something. */
  may(user: Pick<UserRef, 'id' | 'role'>, permission: RoomPermission): boolean {
    return (this.members.maskOf(user) & permissionBits[permission]) !== 0;
  }

  /** The room as everyone sees it. */
  view(): RoomView {
    const { id, name, owner, visibility, password, capacity, options, createdMs, expiresMs } = this.#record;
    return {
      ...{ id, name, visibility, capacity, options },
      owner: { id: owner, name: this.members.find(owner)?.name ?? '' },
      hasPassword: password !== null,
      present: this.presence.size,
      playing: null,
      createdAt: printRfc3339(createdMs),
      expiresAt: expiresMs === null ? null : printRfc3339(expiresMs),
    };
  }

  /** A person as others see them. */
  memberView(member: MemberRecord): MemberView {
    const { user, name, state, allow, deny, mutedUntilMs } = member;
    const role = this.members.roleOf({ id: user, role: member.role === 'guest' ? 'guest' : 'user' });
    const present = this.presence.find(user);
    const [, offsetMs, buffering] = this.presence.offsetOf(user);
    return {
      ...{ user, name, role, allow, deny, offsetMs, buffering },
      state: state === 'left' ? 'active' : state,
      permissions: this.members.maskOf(present?.user ?? { id: user, role: role === 'guest' ? 'guest' : 'user' }),
      mutedUntil: mutedUntilMs > this.#deps.clock.nowMs() ? printRfc3339(mutedUntilMs) : null,
      present: this.presence.count(user),
    };
  }

  /** Ends every connection and writes what is not written. */
  async close(reason: keyof typeof roomCloseCodes = 'stopping', detail = 'The server stops.'): Promise<void> {
    for (const { peer } of [...this.presence.peers()]) {
      peer.close(reason, detail);
      this.#leave(peer);
    }
    await this.#chat.close();
  }

  /**
   * Lets a person in, or refuses.
   *
   * @throws OxbowError as `enter`
   */
  admit(user: UserRef, address: string): void {
    const known = this.members.find(user.id);
    const nowMs = this.#deps.clock.nowMs();
    const { owner, password, capacity, options } = this.#record;
    const isTrusted = user.role === 'admin' || user.id === owner || known?.role === 'moderator';
    if (!isTrusted || known?.state === 'banned') {
      if (known?.state === 'banned' || (user.role === 'guest' && this.members.isBannedAddress(address)))
        throw new OxbowError('room-banned', 'A moderator has banned you from this room.');
      if (user.role === 'guest' && !options.guests)
        throw new OxbowError('room-guests-off', 'People without an account may not enter this room.');
      if (password !== null && !known?.letIn) throw new OxbowError('room-password', 'This room has a password.');
      const isNew = !known || known.state === 'left';
      if (known?.state === 'pending' || (options.approve && isNew)) {
        if (isNew) this.#remember(user, { ...known, state: 'pending' }, nowMs);
        throw new OxbowError('room-pending', 'A moderator has to let you in.');
      }
      const most = Math.min(capacity ?? Number.POSITIVE_INFINITY, this.#deps.settings().capacity);
      if (this.presence.size >= most && this.presence.count(user.id) === 0)
        throw new OxbowError('room-full', `This room has places for ${most} people.`);
    }
    this.#remember(user, { ...known, state: 'active' }, nowMs);
  }

  #remember(user: UserRef, known: Partial<MemberRecord> & Pick<MemberRecord, 'state'>, nowMs: number): MemberRecord {
    const record: MemberRecord = {
      ...{ role: user.role === 'guest' ? 'guest' : 'member', allow: 0, deny: 0, mutedUntilMs: 0 },
      ...{ joinedMs: nowMs, letIn: false, address: '' },
      ...known,
      ...{ user: user.id, name: user.name, seenMs: nowMs },
    };
    this.members.set(record);
    return record;
  }

  #memberOf(user: UserRef): MemberRecord {
    return this.members.find(user.id) ?? this.#remember(user, { state: 'active' }, this.#deps.clock.nowMs());
  }

  #leave(peer: Peer): void {
    if (!this.presence.find(peer.user.id)?.peers.has(peer)) return;
    this.presence.remove(peer);
    this.#audience.remove(peer);
    const { id } = peer.user;
    if (this.presence.count(id) === 0) this.broadcast({ t: 'left', user: id });
    else this.broadcast({ t: 'member', member: this.memberView(this.#memberOf(peer.user)) });
  }

  #receive(present: PresentPeer, message: ClientMessage): void {
    const { peer } = present;
    switch (message.t) {
      case 'hello':
        return;
      case 'clock':
        peer.send({ t: 'clock', c: message.c, serverMs: this.#deps.clock.nowMs() });
        return;
      case 'report':
        this.presence.report(present, message);
        return;
      case 'command':
        peer.send({ t: 'refused', id: message.id, code: 'not-ready', detail: 'Not built yet.' });
        return;
      default:
        this.#chat.receive(
          message,
          this.chatSender(peer.user, (answer) => peer.send(answer)),
        );
    }
  }

  /** A person as the chat sees them. */
  chatSender(user: UserRef, send: (message: ServerMessage) => void): ChatSender {
    const { members } = this;
    return {
      user,
      may: (permission) => this.may(user, permission),
      get mutedUntilMs() {
        return members.find(user.id)?.mutedUntilMs ?? 0;
      },
      send,
    };
  }

  #chatRoom(): ChatRoom {
    const room = this;
    return {
      id: this.#record.id,
      get slowModeSeconds() {
        return room.#record.options.slowModeSeconds;
      },
      broadcast: (message) => room.broadcast(message),
      playing: () => {
        const { item } = room.#state;
        const target = room.#items().find(({ id }) => id === item)?.target;
        if (item === null || !target) return undefined;
        return { item, target, positionMs: positionAt(room.#state, room.#deps.clock.nowMs()) };
      },
      mentionable: () => room.members.all,
    };
  }

  #items(): readonly RoomItem[] {
    return [];
  }

  #welcomed(): readonly MemberView[] {
    const views: MemberView[] = [];
    for (const { user } of this.presence.users) {
      if (views.length >= MAX_WELCOMED) break;
      views.push(this.memberView(this.#memberOf(user)));
    }
    return views;
  }
}
