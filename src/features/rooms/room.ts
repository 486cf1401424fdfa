/**
 * One open room: connections enter and leave, and everything that they send passes here.
 * In: connections and their messages, ticks. Out: answers; changes of the state, whose notices the hub sends.
 */
import type { UserRef } from '../../accounts/users/user.ts';
import type { AskedClient } from '../../accounts/watch-rules/rules-view.ts';
import type { WatchAccessView, WatchRuleLists } from '../../api/access/watch-rules-shapes.ts';
import type { ClientMessage, ClientMessageOf, roomCloseCodes } from '../../api/room/messages.ts';
import type { PlaybackState } from '../../api/room/playback.ts';
import type { RoomView } from '../../api/room/room-shapes.ts';
import { OxbowError } from '../../lib/errors.ts';
import { refusalOf } from './admission.ts';
import { answerCommand } from './answer-command.ts';
import { Call, type CallClientMessage, isCallMessage } from './call/call.ts';
import type { Connection } from './participants/connection.ts';
import type { ReportedConnection } from './participants/participants.ts';
import { leadOf } from './playback/lead.ts';
import { RemoteRequests } from './remote-requests.ts';
import { RoomChanges } from './room-changes.ts';
import { type ChatSender, chatRoomOf, chatSenderOf, type RoomChat } from './room-chat.ts';
import type { EnteredConnection, RoomDeps, StoredRoom } from './room-deps.ts';
import { RoomHub } from './room-hub.ts';
import { RoomRules, type RoomVisitor } from './room-rules.ts';
import { RoomSaving } from './room-saving.ts';
import { RoomState } from './room-state.ts';

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
  readonly state: RoomState;
  readonly changes: RoomChanges;
  readonly call: Call;
  readonly #deps: RoomDeps;
  readonly #hub: RoomHub;
  readonly #saving: RoomSaving;
  readonly #requests = new RemoteRequests();
  readonly #rules: RoomRules;
  /** The rules by which the connections were checked. */
  #checkedRules: WatchRuleLists | undefined;
  #chat!: RoomChat;
  /** The entry that people see. */
  #shownItem: string | null;
  /** Last time a person was here, ms. */
  #usedMs: number;
  #touchedMs: number;
  #slowTickMs = 0;
  #leadMs = leadOf([]);
  #isClosed = false;

  private constructor(deps: RoomDeps, stored: StoredRoom) {
    this.#deps = deps;
    this.#rules = deps.rules ?? new RoomRules();
    this.#checkedRules = this.#rules.listsOf(stored.room);
    this.#usedMs = stored.usedMs;
    this.#touchedMs = deps.clock.monotonicMs();
    this.#shownItem = stored.state.item;
    const { clock, media, permissionCounts, failed, tables } = deps;
    const played = (playing: PlaybackState) => this.#played(playing);
    const state = new RoomState(stored, { clock, media, permissionCounts, failed, played, leadMs: () => this.#leadMs });
    const { members, playlist, participants, playback } = state;
    const { id } = stored.room;
    const hub = new RoomHub(state, deps.createConnections());
    const progress = () => ({ state: playback.state, usedMs: this.#usedMs, present: participants.size });
    const moved = () => this.#moved();
    this.state = state;
    this.#hub = hub;
    this.#saving = new RoomSaving({ id, tables, members, playlist, progress, moved });
    const may: RoomState['may'] = (user, permission) => state.may(user, permission);
    this.call = new Call({ id, members, may, broadcast: (message) => hub.send({ message }) }, deps.calls);
    this.changes = new RoomChanges({ state, hub, tables, saving: this.#saving, call: this.call });
  }

  /**
   * Opens a room. Its media continues where it would be now; in a room that was empty for long, where it
   * was left.
   */
  static async open(deps: RoomDeps, stored: StoredRoom): Promise<Room> {
    const room = new Room(deps, stored);
    const { playback } = room.state;
    room.#chat = await deps.openChat(
      chatRoomOf(room.state, { broadcast: (message) => room.#hub.send({ message }), moved: () => room.#moved() }),
    );
    await playback.resume();
    if (deps.clock.nowMs() - stored.usedMs > EMPTY_MS) playback.pauseAt(stored.usedMs);
    return room;
  }

  get chat(): RoomChat {
    return this.#chat;
  }

  /**
   * A connection enters: it gets `welcome`, and from then on everything.
   *
   * @throws OxbowError `room-full`, `room-banned`, `room-password`, `room-pending`, `room-guests-off`,
   *   `limit-reached`, `watch-denied-here`
   */
  enter(connection: Connection, hello: Omit<ClientMessageOf<'hello'>, 't'> = {}): EnteredConnection {
    if (this.#isClosed) throw new OxbowError('not-ready', 'The room is being closed.');
    const { user } = connection;
    const { clock } = this.#deps;
    const { participants, members, playback, views } = this.state;
    this.assertHere(connection.from);
    this.admit(user, connection.from.address);
    if (participants.count(user.id) >= MAX_CONNECTIONS)
      throw new OxbowError('limit-reached', `You have ${MAX_CONNECTIONS} connections to this room.`);
    this.#use();
    const { reported, ...lists } = this.#hub.enter(connection, hello.visible ?? true);
    connection.send({
      t: 'welcome',
      you: { user: user.id, name: user.name, permissions: members.maskOf(user) },
      serverMs: clock.nowMs(),
      room: views.room(),
      state: playback.state,
      ...lists,
      call: this.call.view,
      ...this.#chat.history(hello.since, user.id),
    });
    this.#hub.join(connection, clock.monotonicMs());
    const sender = chatSenderOf(this.state, user, (answer) => connection.send(answer));
    return {
      receive: (message) => {
        if (isCallMessage(message)) this.call.receive(connection, message);
        else this.#receive(reported, sender, message);
      },
      leave: () => this.#leave(connection),
    };
  }

  /** @throws OxbowError `watch-denied-here` for a client that may not enter from where it is */
  assertHere(client: RoomVisitor): void {
    this.#rules.assertAllowed(this.state.record, client);
  }

  /** The room as a client sees that is not in it. @param reader undefined: not signed in */
  viewFor(reader: UserRef | undefined, client: RoomVisitor): RoomView {
    return this.#rules.allow(this.state.record, client)
      ? this.state.views.roomFor(reader)
      : this.state.views.room(false);
  }

  /**
   * The rules by network and country, and what they decide about a client.
   *
   * @param asked undefined: only the rules
   * @throws OxbowError `bad-request` for an invalid address or country
   */
  watchAccess(asked: AskedClient | undefined): WatchAccessView {
    return this.#rules.view(this.state.record, asked);
  }

  /**
   * Lets a person in, or refuses and remembers who waits for approval. Where they are does not count here.
   *
   * @throws OxbowError as `enter`
   */
  admit(user: UserRef, address: string): void {
    const { state } = this;
    const { record, members, participants } = state;
    const refusal = refusalOf(user, address, { record, members, participants, ...this.#deps.settings() });
    if (!refusal) {
      state.remember(user, 'active', address);
      return;
    }
    if (refusal.code === 'room-pending') {
      const isNew = members.find(user.id)?.state !== 'pending';
      const member = state.remember(user, 'pending', address);
      if (isNew) this.changes.member(member);
    }
    throw refusal;
  }

  /** Ends every connection of a person. */
  disconnect(user: string, reason: keyof typeof roomCloseCodes, detail: string): void {
    for (const connection of [...(this.state.participants.find(user)?.connections.keys() ?? [])]) {
      connection.close(reason, detail);
      this.#leave(connection);
    }
  }

  /** Moves the room without a request. Call it often: 20 times a second. */
  tick(): void {
    if (this.#isClosed) return;
    const monoMs = this.#deps.clock.monotonicMs();
    this.state.playback.tick();
    this.#hub.tick(monoMs);
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
    return this.state.participants.size === 0 && this.#deps.clock.monotonicMs() - this.#touchedMs > EMPTY_MS;
  }

  /**
   * Ends every connection and writes unsaved changes.
   * @param options.stop why nothing is written any more
   */
  async close(
    reason: keyof typeof roomCloseCodes = 'stopping',
    detail = 'The server stops.',
    { stop }: { readonly stop?: OxbowError } = {},
  ): Promise<void> {
    const { playback, participants } = this.state;
    if (this.isIdle && this.#deps.clock.nowMs() - this.#usedMs > EMPTY_MS) playback.pauseAt(this.#usedMs);
    this.#isClosed = true;
    for (const { connection } of [...participants.connections()]) {
      connection.close(reason, detail);
      this.#leave(connection);
    }
    await this.#chat.close();
    await (stop ? this.#saving.stop(stop) : this.#saving.save());
  }

  /** A write was refused: another node owns the room, and continues it. */
  #moved(): void {
    this.#deps.moved?.(this.state.record.id);
  }

  #played(playing: PlaybackState): void {
    this.#saving.progressed({ isUrgent: this.#deps.isClustered });
    this.#hub.send({ message: { t: 'state', state: playing } });
    if (playing.item !== this.#shownItem) this.#hub.itemPlayed();
    this.#shownItem = playing.item;
  }

  #use(): void {
    this.#usedMs = this.#deps.clock.nowMs();
    this.#saving.progressed();
    this.touch();
  }

  #leave(connection: Connection): void {
    if (!this.#hub.remove(connection)) return;
    const { user } = connection;
    this.call.left(connection);
    this.#use();
    if (this.state.participants.count(user.id) === 0) this.state.playback.left(user.id);
    this.#hub.announce(user, this.#deps.clock.monotonicMs());
  }

  #receive(reported: ReportedConnection, sender: ChatSender, message: Exclude<ClientMessage, CallClientMessage>): void {
    const { state } = this;
    const { connection } = reported;
    const { user } = connection;
    const { clock, failed } = this.#deps;
    switch (message.t) {
      case 'hello':
        return;
      case 'clock':
        connection.send({ t: 'clock', c: message.c, serverMs: clock.nowMs() });
        return;
      case 'report':
        state.participants.report(reported, message);
        state.playback.report(user.id, message, {
          counts: reported.visible,
          mayEnd: state.may(user, 'control') || state.may(user, 'setItem'),
        });
        return;
      case 'command':
        void answerCommand(state, connection, message, failed);
        return;
      case 'ask':
        this.#requests.ask(state, connection, message, clock.monotonicMs());
        return;
      default:
        this.#chat.receive(message, sender);
    }
  }

  /** After a change of the rules: those that may not be here any more leave. */
  #checkRules(): void {
    const { record, participants } = this.state;
    const lists = this.#rules.listsOf(record);
    if (lists === this.#checkedRules) return;
    this.#checkedRules = lists;
    for (const { connection } of [...participants.connections()]) {
      if (this.#rules.allow(record, connection.from)) continue;
      connection.close('not-here', 'This room may not be entered from here any more.');
      this.#leave(connection);
    }
  }

  #slowTick(monoMs: number): void {
    this.#slowTickMs = monoMs;
    this.#leadMs = leadOf(this.state.participants.roundTrips());
    this.#hub.slowTick();
    this.#checkRules();
    const { size } = this.state.participants;
    if (size > 0 && this.#deps.clock.nowMs() - this.#usedMs >= USED_EACH_MS) this.#use();
    this.#saving.saveIfDue(this.#deps.failed);
  }
}
