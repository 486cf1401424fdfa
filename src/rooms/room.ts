/**
 * One open room: who is in it, what plays, what is written. Everything that members send passes here.
 * In: connections and their messages, changes over the API, ticks. Out: messages to connections; rows to
 * store.
 */
import type { UserRef } from '../accounts/users/user.ts';
import type { RoomItem } from '../api/room/item-shapes.ts';
import { MAX_LISTED } from '../api/room/limits.ts';
import type { ClientMessage, ClientMessageOf, roomCloseCodes, ServerMessage } from '../api/room/messages.ts';
import { permissionBits, type RoomPermission } from '../api/room/permissions.ts';
import type { PlaybackState } from '../api/room/playback.ts';
import type { MemberView, RoomView } from '../api/room/room-shapes.ts';
import { OxbowError } from '../lib/errors.ts';
import { refusalOf, seesMedia } from './admission.ts';
import { answerCommand } from './answer-command.ts';
import type { Audience } from './audience.ts';
import { Call, type CallClientMessage, isCallMessage } from './call/call.ts';
import { isHiddenState, Members } from './members.ts';
import type { Peer } from './peer.ts';
import { leadOf } from './playback/lead.ts';
import { Playback, type PlaybackCommand } from './playback/playback.ts';
import { Playlist } from './playlist/playlist.ts';
import { ItemSender } from './playlist/send-items.ts';
import { Presence, type PresentPeer } from './presence.ts';
import { RemoteRequests } from './remote-requests.ts';
import { type ChatSender, chatRoomOf, chatSenderOf, type RoomChat } from './room-chat.ts';
import type { RoomDeps, RoomSeat, StoredRoom } from './room-deps.ts';
import { type RoomMedia, stillOf } from './room-media.ts';
import type { ItemRecord, MemberRecord, RoomRecord } from './room-record.ts';
import { RoomSaving } from './room-saving.ts';
import { itemView, memberView, roomView } from './room-views.ts';
import { Roster } from './roster.ts';

/** Most connections of a person to one room. */
const MAX_CONNECTIONS = 10;
/** Offsets, the number of people, and rows to store: at most this often, ms. */
const SLOW_TICK_MS = 1000;
/** While people are in a room, that it is used is written this often, ms. */
const USED_EACH_MS = 30_000;
/** A room that was empty for this long is paused where it was left, ms. */
const EMPTY_MS = 120_000;

/** An open room. */
export class Room {
  readonly members: Members;
  readonly playlist: Playlist;
  readonly presence = new Presence();
  readonly playback: Playback;
  readonly media: RoomMedia;
  readonly call: Call;
  readonly #deps: RoomDeps;
  readonly #audience: Audience;
  readonly #saving: RoomSaving;
  readonly #items = new ItemSender(this);
  readonly #requests = new RemoteRequests();
  readonly #roster: Roster;
  #record: RoomRecord;
  #chat!: RoomChat;
  /** Last time a person was here, ms. */
  #usedMs: number;
  #touchedMs: number;
  #slowTickMs = 0;
  #leadMs = leadOf([]);
  /** Number of people that was sent last. */
  #sentCount = 0;
  #isClosed = false;

  private constructor(deps: RoomDeps, { room, state, usedMs, members, items }: StoredRoom) {
    this.#deps = deps;
    this.media = deps.media;
    this.#record = room;
    this.#usedMs = usedMs;
    this.#touchedMs = deps.clock.monotonicMs();
    this.#audience = deps.createAudience();
    this.members = new Members(room, members, deps.permissionCounts);
    this.playlist = new Playlist(items);
    this.call = new Call(this, deps.calls);
    const { members: people, playlist } = this;
    const progress = () => ({ state: this.state, usedMs: this.#usedMs, present: this.presence.size });
    const moved = () => this.moved();
    this.#saving = new RoomSaving({ id: room.id, tables: deps.tables, members: people, playlist, progress, moved });
    this.playback = this.#openPlayback(state);
    this.#roster = new Roster({
      members: people,
      presence: this.presence,
      viewOf: (user) => this.memberView(this.#memberOf(user)),
      broadcast: (message) => this.broadcast(message),
    });
  }

  /**
   * Opens a room. What played continues where it would be now; in a room that was empty for long, where it
   * was left.
   */
  static async open(deps: RoomDeps, stored: StoredRoom): Promise<Room> {
    const room = new Room(deps, stored);
    room.#chat = await deps.openChat(chatRoomOf(room));
    await room.playback.resume();
    if (deps.clock.nowMs() - stored.usedMs > EMPTY_MS) room.playback.pauseAt(stored.usedMs);
    return room;
  }

  /** What is stored of it. */
  get record(): RoomRecord {
    return this.#record;
  }

  /** What plays. */
  get state(): PlaybackState {
    return this.playback.state;
  }

  get chat(): RoomChat {
    return this.#chat;
  }

  /**
   * A connection enters: it gets `welcome`, and from then on everything.
   *
   * @throws OxbowError `room-full`, `room-banned`, `room-password`, `room-pending`, `room-guests-off`,
   *   `limit-reached`
   */
  enter(peer: Peer, hello: Omit<ClientMessageOf<'hello'>, 't'> = {}): RoomSeat {
    if (this.#isClosed) throw new OxbowError('not-ready', 'The room is being closed.');
    this.admit(peer.user, peer.address);
    if (this.presence.count(peer.user.id) >= MAX_CONNECTIONS)
      throw new OxbowError('limit-reached', `You have ${MAX_CONNECTIONS} connections to this room.`);
    this.#use();
    const present = this.presence.add(peer, hello.visible ?? true);
    this.#roster.came(peer.user);
    peer.send({
      t: 'welcome',
      you: { user: peer.user.id, name: peer.user.name, permissions: this.members.maskOf(peer.user) },
      serverMs: this.#deps.clock.nowMs(),
      room: this.view(),
      state: this.state,
      members: this.#welcomed(peer.user),
      items: this.#items.enter(peer.user),
      call: this.call.view,
      ...this.#chat.history(hello.since, peer.user.id),
    });
    this.#audience.add(peer);
    this.#roster.announce(peer.user, this.#deps.clock.monotonicMs());
    return {
      receive: (message) => {
        if (isCallMessage(message)) this.call.receive(peer, message);
        else this.#receive(present, message);
      },
      leave: () => this.#leave(peer),
    };
  }

  /**
   * Lets a person in, or refuses and remembers who waits for approval.
   *
   * @throws OxbowError as `enter`
   */
  admit(user: UserRef, address: string): void {
    const { record, members, presence } = this;
    const refusal = refusalOf(user, address, { record, members, presence, ...this.#deps.settings() });
    if (!refusal) {
      this.#remember(user, 'active', address);
      return;
    }
    if (refusal.code === 'room-pending') {
      const isNew = members.find(user.id)?.state !== 'pending';
      const member = this.#remember(user, 'pending', address);
      if (isNew) this.memberChanged(member);
    }
    throw refusal;
  }

  /** A person gave the right password. */
  letIn(user: UserRef): void {
    this.members.set({ ...this.#remember(user, this.members.find(user.id)?.state ?? 'left'), letIn: true });
  }

  /** To everyone in the room, or to some. */
  broadcast(message: ServerMessage, isFor?: (user: UserRef) => boolean): void {
    this.#audience.broadcast(message, isFor);
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

  /** @throws OxbowError `room-forbidden` if a person may not do something */
  assertMay(user: Pick<UserRef, 'id' | 'role'>, permission: RoomPermission): void {
    if (!this.may(user, permission))
      throw new OxbowError('room-forbidden', `You lack the permission ${permission} in this room.`);
  }

  /** The room as people outside see it. @param reader undefined: not signed in */
  viewFor(reader: UserRef | undefined): RoomView {
    const known = reader && this.members.find(reader.id);
    return this.view(seesMedia(reader, known, this.#record));
  }

  /** The room as everyone in it sees it. @param isSeen false: without what plays */
  view(isSeen = true): RoomView {
    const { item } = this.state;
    const playing = item === null ? undefined : this.playlist.find(item);
    return roomView(this.#record, {
      ownerName: this.members.find(this.#record.owner)?.name ?? '',
      present: this.presence.size,
      playing: playing?.name ?? null,
      still: stillOf(this.media, playing?.target, this.state, this.#deps.clock.nowMs()),
      isSeen,
    });
  }

  /** A person as others see them. */
  memberView(member: MemberRecord): MemberView {
    return memberView(member, this.members, this.presence, this.#deps.clock.nowMs());
  }

  /** Whether a person sees who waits and who is banned. */
  seesHidden(user: Pick<UserRef, 'id' | 'role'>): boolean {
    return this.may(user, 'moderate') || this.may(user, 'approve');
  }

  /**
   * The playlist.
   * @param reader sees the request headers of its own links; moderators see all. Undefined: none.
   */
  items(reader?: UserRef): readonly RoomItem[] {
    return this.playlist.all.map((item) => this.itemView(item, reader));
  }

  /** One entry of the playlist. */
  itemView(item: ItemRecord, reader?: UserRef): RoomItem {
    return itemView(item, {
      addedByName: this.members.find(item.addedBy)?.name ?? '',
      address: this.media.address(item.target, item.signed),
      beside: this.media.besides(item.target, item.signed),
      seesHeaders: reader !== undefined && (reader.id === item.addedBy || this.may(reader, 'moderate')),
    });
  }

  /**
   * Does a command of a person.
   *
   * @returns rev of the state that it made
   * @throws OxbowError `room-forbidden`, `state-stale`, `item-unknown`, `bad-request`
   */
  async command(command: PlaybackCommand, by: UserRef): Promise<number> {
    this.assertMay(by, command.do === 'item' ? 'setItem' : 'control');
    return this.playback.command(command, by);
  }

  /** Stores a changed member and notifies everyone who may see them. */
  memberChanged(record: MemberRecord): void {
    const isHidden = [this.members.find(record.user), record].some((one) => one && isHiddenState(one.state));
    this.members.set(record);
    this.#roster.changed(record.user);
    this.broadcast(
      { t: 'member', member: this.memberView(record) },
      isHidden ? (to) => this.seesHidden(to) : undefined,
    );
    this.#sendPermissions(record.user);
  }

  /**
   * Stores a change of the room, then notifies everyone. Changes are made one after the other, so that none
   * undoes another.
   */
  changeRecord(change: (record: RoomRecord) => RoomRecord): Promise<void> {
    return this.#saving.inTurn(async () => {
      const record = change(this.#record);
      await this.#deps.tables.update(record);
      this.#record = record;
      this.members.roomChanged(record);
      this.broadcast({ t: 'room', room: this.view() });
      for (const { user } of this.presence.users) this.#sendPermissions(user.id);
    });
  }

  /** Entries were changed: everyone gets the playlist, and it is written. */
  async itemsChanged(): Promise<void> {
    const { item } = this.state;
    if (item !== null && !this.playlist.find(item)) this.playback.itemGone();
    this.#items.changed();
    await this.save();
  }

  /** Writes what is not written yet. */
  save(): Promise<void> {
    return this.#saving.save();
  }

  /** Moves the room where no one has to ask for it. Call it often: 20 times a second. */
  tick(): void {
    if (this.#isClosed) return;
    const monoMs = this.#deps.clock.monotonicMs();
    this.playback.tick();
    this.#items.tick(monoMs);
    this.#roster.tick(monoMs);
    this.call.tick();
    if (this.#saving.isUrgent) this.#saving.saveIfDue(this.#deps.failed);
    if (monoMs - this.#slowTickMs >= SLOW_TICK_MS) this.#slowTick(monoMs);
  }

  /** A request uses it: it stays open for a while. */
  touch(): void {
    this.#touchedMs = this.#deps.clock.monotonicMs();
  }

  /** Empty, and for a while already. */
  get isIdle(): boolean {
    return this.presence.size === 0 && this.#deps.clock.monotonicMs() - this.#touchedMs > EMPTY_MS;
  }

  /** A write was refused: another node owns the room, and continues it. */
  moved(): void {
    this.#deps.moved?.(this.#record.id);
  }

  /**
   * Ends every connection and writes what is not written.
   * @param options.stop why nothing is written any more
   */
  async close(
    reason: keyof typeof roomCloseCodes = 'stopping',
    detail = 'The server stops.',
    { stop }: { readonly stop?: OxbowError } = {},
  ): Promise<void> {
    if (this.isIdle && this.#deps.clock.nowMs() - this.#usedMs > EMPTY_MS) this.playback.pauseAt(this.#usedMs);
    this.#isClosed = true;
    for (const { peer } of [...this.presence.peers()]) {
      peer.close(reason, detail);
      this.#leave(peer);
    }
    await this.#chat.close();
    await (stop ? this.#saving.stop(stop) : this.save());
  }

  /** A person as the chat sees them. */
  chatSender(user: UserRef, send: (message: ServerMessage) => void): ChatSender {
    return chatSenderOf(this, user, send);
  }

  #openPlayback(state: PlaybackState): Playback {
    const room = this;
    const { clock, media, failed } = this.#deps;
    let shown = state.item;
    return new Playback(
      {
        clock,
        failed,
        leadMs: () => room.#leadMs,
        findItem: (id) => room.playlist.find(id),
        itemAfter: (id) => (room.#record.options.atEnd === 'next' ? room.playlist.after(id) : undefined),
        openMedia: ({ target }) => media.open(target),
        get waitsForSlow() {
          return room.#record.options.waitForSlow;
        },
        get present() {
          return room.presence.size;
        },
        changed: (changed) => {
          room.#saving.progressed({ isUrgent: room.#deps.isClustered });
          room.broadcast({ t: 'state', state: changed });
          if (changed.item !== shown) room.#items.played();
          shown = changed.item;
        },
      },
      state,
    );
  }

  #remember(user: UserRef, state: MemberRecord['state'], address?: string): MemberRecord {
    return this.members.remember(user, state, this.#deps.clock.nowMs(), address);
  }

  #memberOf(user: UserRef): MemberRecord {
    return this.members.find(user.id) ?? this.#remember(user, 'active');
  }

  #use(): void {
    this.#usedMs = this.#deps.clock.nowMs();
    this.#saving.progressed();
    this.touch();
  }

  #leave(peer: Peer): void {
    if (!this.presence.find(peer.user.id)?.peers.has(peer)) return;
    this.presence.remove(peer);
    this.#audience.remove(peer);
    this.call.left(peer);
    this.#use();
    if (this.presence.count(peer.user.id) === 0) {
      this.playback.left(peer.user.id);
      this.#items.left(peer.user.id);
    }
    this.#roster.announce(peer.user, this.#deps.clock.monotonicMs());
  }

  #sendPermissions(user: string): void {
    const present = this.presence.find(user);
    if (!present) return;
    this.call.check(present.user);
    this.#items.changed(); // perhaps they may see the playlist now, or no longer
    const permissions = this.members.maskOf(present.user);
    const { mutedUntilMs = 0 } = this.members.find(user) ?? {};
    const muted = mutedUntilMs > this.#deps.clock.nowMs() ? mutedUntilMs : null;
    for (const { peer } of present.peers.values()) peer.send({ t: 'you', permissions, mutedUntilMs: muted });
  }

  #receive(present: PresentPeer, message: Exclude<ClientMessage, CallClientMessage>): void {
    const { peer } = present;
    switch (message.t) {
      case 'hello':
        return;
      case 'clock':
        peer.send({ t: 'clock', c: message.c, serverMs: this.#deps.clock.nowMs() });
        return;
      case 'report':
        this.presence.report(present, message);
        this.playback.report(peer.user.id, message, {
          counts: present.visible,
          mayEnd: this.may(peer.user, 'control') || this.may(peer.user, 'setItem'),
        });
        return;
      case 'command':
        void answerCommand(this, peer, message, this.#deps.failed);
        return;
      case 'ask':
        this.#requests.ask(this, peer, message, this.#deps.clock.monotonicMs());
        return;
      default:
        this.#chat.receive(
          message,
          this.chatSender(peer.user, (answer) => peer.send(answer)),
        );
    }
  }

  #welcomed(to: UserRef): readonly MemberView[] {
    const shown = this.may(to, 'approve') ? [...this.members.pending.take(MAX_LISTED)] : [];
    for (const user of this.#roster.welcomed(to)) shown.push(this.#memberOf(user));
    return shown.map((member) => this.memberView(member));
  }

  #slowTick(monoMs: number): void {
    this.#slowTickMs = monoMs;
    this.#leadMs = leadOf(this.presence.roundTrips());
    const offsets = this.presence.takeOffsets().filter(([user]) => this.#roster.has(user));
    if (offsets.length > 0) this.broadcast({ t: 'offsets', offsets });
    const { size } = this.presence;
    // In a small room everyone counts their list.
    if (size !== this.#sentCount && Math.max(size, this.#sentCount) > MAX_LISTED) {
      this.#sentCount = size;
      this.broadcast({ t: 'room', room: this.view() });
    }
    if (size > 0 && this.#deps.clock.nowMs() - this.#usedMs >= USED_EACH_MS) this.#use();
    this.#saving.saveIfDue(this.#deps.failed);
  }
}
