/**
 * All rooms of the server. A room is open while people are in it, and for a while after.
 * In: requests and connections. Out: open rooms, lists, rows.
 */
import { randomInt } from 'node:crypto';
import { may } from '../../accounts/permissions.ts';
import { administrator, type UserRef } from '../../accounts/users/user.ts';
import type { EventData } from '../../api/events.ts';
import { nothingPlays } from '../../api/room/playback.ts';
import type { RoomView } from '../../api/room/room-shapes.ts';
import type { EventBus } from '../../cluster/bus/event-bus.ts';
import { createSolePlacement, type Placement } from '../../cluster/placement/placement.ts';
import { OxbowError } from '../../lib/errors.ts';
import { seesMedia } from './admission.ts';
import { isRoomMoved, roomMoved } from './cluster/room-guard.ts';
import { type RoomFields, readFields } from './edit-room.ts';
import { mergeGuest } from './members/merge-guest.ts';
import { RoomPasswords } from './members/room-passwords.ts';
import { Room } from './room.ts';
import type { RoomDeps } from './room-deps.ts';
import { stillOf } from './room-media.ts';
import { type RoomRecord, usualOptions } from './room-record.ts';
import type { RoomVisitor } from './room-rules.ts';
import { roomView } from './room-views.ts';
import type { RoomSelection } from './stored/room-tables.ts';

/** 10 characters of 57: 58 bits. */
const ID_CHARACTERS = '23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
const ID_LENGTH = 10;

/** More states than a room makes between two times that it is stored. */
const UNSAVED_REVS = 1000;

/** Which part of a list. */
interface RoomPage {
  readonly limit: number;
  /** After this one; undefined: from the first. */
  readonly before?: RoomCursor | undefined;
}

/** A place in a list. */
export interface RoomCursor {
  readonly usedMs: number;
  readonly id: string;
}

/** A part of a list. */
interface RoomListPage {
  readonly rooms: readonly RoomView[];
  /** Undefined: the list ends here. */
  readonly next: RoomCursor | undefined;
}

export interface RoomsSettings {
  readonly create: 'users' | 'everyone' | 'admins' | 'off';
  readonly max: number;
  readonly perUser: number;
  readonly capacity: number;
  /** Ms. */
  readonly keep: number;
}

/** Dependencies of rooms. */
export interface RoomsDeps extends Omit<RoomDeps, 'settings' | 'moved' | 'isClustered'> {
  readonly settings: () => RoomsSettings;
  readonly events: Pick<EventBus, 'publish'>;
  /** Which node of a cluster owns a room; undefined: this process owns all. */
  readonly placement?: Placement;
  /**
   * An open room has ended here, because another node owns it: it was `given` to that one, or `taken` by it.
   */
  readonly onMoved?: (id: string, how: 'given' | 'taken') => void;
  /** A room has opened: `tick` is needed for as long as one is open. */
  readonly onOpen?: () => void;
}

export class Rooms {
  readonly passwords = new RoomPasswords();
  readonly #deps: RoomsDeps;
  readonly #roomDeps: RoomDeps;
  readonly #placement: Placement;
  readonly #stopFollowing: () => void;
  /** Rooms that are open or being opened. */
  readonly #open = new Map<string, Promise<Room>>();
  readonly #rooms = new Map<string, Room>();
  /** Rooms that are being closed or deleted: they open again after that. */
  readonly #closing = new Map<string, Promise<void>>();
  #creating: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(deps: RoomsDeps) {
    this.#deps = deps;
    this.#placement = deps.placement ?? createSolePlacement();
    const isClustered = this.#placement.node !== '';
    this.#roomDeps = { ...deps, isClustered, moved: (id) => this.#lose(id) };
    this.#stopFollowing = this.#placement.moved.subscribe(({ kind, key, owner }) => {
      if (kind === 'room' && owner !== 'own') this.#lose(key);
    });
  }

  /** Whether a person may create rooms, by the setting `rooms.create`. */
  mayCreate(user: UserRef): boolean {
    return may({ user }, 'createRooms', { creators: this.#deps.settings().create });
  }

  /**
   * Creates a room.
   *
   * @throws OxbowError `forbidden`, `limit-reached`, `bad-request`, `room-moved` on a node that has no rooms
   */
  async create(owner: UserRef, fields: RoomFields): Promise<Room> {
    if (!this.mayCreate(owner)) throw new OxbowError('forbidden', 'You may not create rooms on this server.');
    const withFields = await readFields(fields, this.passwords);
    // One after the other: two at once would both be below the limits.
    const created = this.#creating.then(() => this.#create(owner, withFields));
    this.#creating = created.catch(() => undefined);
    return created;
  }

  async #create(owner: UserRef, withFields: (record: RoomRecord) => RoomRecord): Promise<Room> {
    const { tables, clock, settings } = this.#deps;
    const { max, perUser } = settings();
    if ((await tables.count()) >= max) throw new OxbowError('limit-reached', `There are ${max} rooms already.`);
    if (owner.role !== 'admin' && (await tables.count(owner.id)) >= perUser)
      throw new OxbowError('limit-reached', `You have ${perUser} rooms already.`);
    const createdMs = clock.nowMs();
    const id = createRoomId();
    const room = withFields({
      name: '',
      visibility: 'unlisted',
      password: null,
      capacity: null,
      options: usualOptions,
      expiresMs: null,
      id,
      owner: owner.id,
      createdMs,
    });
    await this.#claim(id);
    await tables.insert(room, {
      user: owner.id,
      name: owner.name,
      role: 'moderator',
      state: 'active',
      allow: 0,
      deny: 0,
      mutedUntilMs: 0,
      joinedMs: createdMs,
      seenMs: createdMs,
      letIn: true,
      address: '',
    });
    this.#deps.events.publish('room.created', eventDataOf(room));
    return this.#keep(
      room.id,
      Room.open(this.#roomDeps, {
        room,
        state: nothingPlays,
        usedMs: createdMs,
        items: [],
        members: await tables.members(room.id),
      }),
    );
  }

  /**
   * An open room, by its id. One without an owner belongs to this node then.
   *
   * @throws OxbowError `room-unknown`; `room-moved` if another node owns it
   */
  get(id: string): Promise<Room> {
    this.#rooms.get(id)?.touch();
    return this.#open.get(id) ?? this.#keep(id, this.#read(id));
  }

  /**
   * An account was deleted: its rooms get a moderator as owner, or are deleted with it; every room forgets
   * the person. Rooms of other nodes are left to these.
   *
   * @returns ids of the rooms that knew the person
   */
  async forgetUser(user: string): Promise<readonly string[]> {
    const { tables } = this.#deps;
    const ids = new Set(await tables.knowing(user));
    for (const [id, room] of this.#rooms) {
      if (ids.has(id) || !room.state.members.find(user)) continue;
      ids.add(id);
      // Another node has given the person's place to an account: its writes are read.
      if (this.#isClustered) await this.#reopen(id);
    }
    for (const id of await tables.ownedBy(user)) {
      const room = await this.#getIfHere(id);
      if (!room) continue;
      const moderators = [...room.state.members.all].filter(
        (member) => member.role === 'moderator' && member.state === 'active',
      );
      const [heir] = moderators.filter((member) => member.user !== user).sort((a, b) => a.joinedMs - b.joinedMs);
      if (heir) await room.changes.record((record) => ({ ...record, owner: heir.user }));
      else await this.remove(id, 'owner-deleted');
    }
    for (const id of ids) {
      const room = await this.#getIfHere(id);
      if (!room) continue;
      room.disconnect(user, 'signedOut', 'Your account was deleted.');
      room.state.members.delete(user);
      room.changes.memberLeft(user);
      await room.changes.save();
    }
    return [...ids];
  }

  /** A guest has signed in: their places are those of the account. @returns ids of their rooms */
  async mergeGuest(guest: string, user: UserRef): Promise<readonly string[]> {
    const { tables } = this.#deps;
    const ids = await tables.knowing(guest);
    for (const id of ids) {
      const room = await this.#getIfHere(id);
      if (room) await mergeGuest(room, guest, user);
      // Its node opens it again when the guest is deleted.
      else if (this.#isClustered) await tables.mergeGuest(id, guest, user);
    }
    return ids;
  }

  /** A room of a list that was read before; undefined: it was deleted meanwhile, or another node owns it. */
  #getIfHere(id: string): Promise<Room | undefined> {
    return this.get(id).catch((error: unknown) => {
      if (isRoomMoved(error) || (error instanceof OxbowError && error.code === 'room-unknown')) return undefined;
      throw error;
    });
  }

  /** Takes the password of a room: who gave the right one need not give it again until it changes. */
  async givePassword(room: Room, user: UserRef, password: string): Promise<boolean> {
    const { password: hash } = room.state.record;
    if (hash !== null && !(await this.passwords.matches(hash, password))) return false;
    room.state.letIn(user);
    return true;
  }

  /** Every open room. */
  get open(): Iterable<Room> {
    return this.#rooms.values();
  }

  /** An open room; undefined: it is closed, or there is none. */
  find(id: string): Room | undefined {
    return this.#rooms.get(id);
  }

  /**
   * Rooms as people outside see them, those used last first.
   * @param reader undefined: not signed in
   * @param client where they are
   */
  async list(
    which: RoomSelection,
    page: RoomPage,
    reader?: UserRef,
    client: RoomVisitor = { address: '' },
  ): Promise<RoomListPage> {
    const limit = page.limit;
    const { rules } = this.#deps;
    const listed = await this.#deps.tables.list(which, {
      limit: limit + 1,
      reader: reader?.id,
      nowMs: this.#deps.clock.nowMs(),
      ...(page.before && { before: page.before }),
    });
    const shown = listed.slice(0, limit);
    const last = shown.at(-1);
    return {
      rooms: shown.map(
        ({ room, ownerName, playing, target, state, known: member, present }) =>
          this.find(room.id)?.viewFor(reader, client) ??
          roomView(room, {
            ownerName,
            playing,
            present: this.#isElsewhere(room.id) ? present : 0,
            still: stillOf(this.#deps.media, target, state, this.#deps.clock.nowMs()),
            isSeen: seesMedia(reader, member, room) && (rules?.allow(room, client) ?? true),
          }),
      ),
      next: listed.length > limit && last ? { usedMs: last.usedMs, id: last.room.id } : undefined,
    };
  }

  /** Deletes a room with everything in it. */
  async remove(id: string, reason: EventData<'room.deleted'>['reason'] = 'request'): Promise<void> {
    const opening = this.#open.get(id);
    this.#open.delete(id);
    this.#rooms.delete(id);
    await this.#whileClosing(id, async () => {
      const room = await opening?.catch(() => undefined);
      const record = room?.state.record ?? (await this.#deps.tables.find(id))?.room;
      await room?.close('gone', 'The room was deleted.', {
        stop: new OxbowError('room-unknown', 'The room was deleted.'),
      });
      if (!record) return;
      await this.#deps.tables.remove(id);
      await this.#placement.forget('room', id);
      this.#deps.events.publish('room.deleted', { ...eventDataOf(record), reason });
    });
  }

  /**
   * Gives a room to another node: everything is written, and its members connect again there.
   *
   * @returns false if this node does not own it
   */
  async give(id: string, to: string): Promise<boolean> {
    let isGiven = false;
    await this.#reopen(id, async () => {
      isGiven = await this.#placement.give('room', id, to);
      if (isGiven) this.#deps.onMoved?.(id, 'given');
    });
    return isGiven;
  }

  /** Moves every open room, and closes those that are empty. Call it 20 times a second while one is open. */
  tick(): void {
    for (const [id, room] of this.#rooms) {
      try {
        room.tick();
      } catch (error) {
        this.#deps.failed(error); // the others continue
      }
      if (room.isIdle) void this.#closeIdle(id, room);
    }
  }

  /**
   * Deletes rooms that have expired or that were not used for long. Call it once a minute.
   * @param options.signal ends it between two rooms
   */
  async sweep({ signal }: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const { tables, clock, settings } = this.#deps;
    if (!this.#placement.takes('room')) return;
    const nowMs = clock.nowMs();
    for (const id of await tables.expired(nowMs, nowMs - settings().keep)) {
      if (signal?.aborted) return;
      const room = this.find(id);
      if (!room && this.#open.has(id)) continue; // someone enters it now
      const hasExpired = room && room.state.record.expiresMs !== null && room.state.record.expiresMs <= nowMs;
      if (room && !hasExpired && room.state.participants.size > 0) continue;
      if ((await this.#placement.claim('room', id)) === 'own') await this.remove(id, 'expired');
    }
  }

  /** Closes every room: connections end, everything is written. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopFollowing();
    const open = await Promise.allSettled(this.#open.values());
    this.#open.clear();
    this.#rooms.clear();
    await Promise.all(open.map((result) => (result.status === 'fulfilled' ? result.value.close() : undefined)));
    await Promise.all(this.#closing.values());
  }

  async #closeIdle(id: string, room: Room): Promise<void> {
    this.#rooms.delete(id);
    this.#open.delete(id);
    await this.#whileClosing(id, () => room.close()).catch((error: unknown) => {
      if (!isRoomMoved(error)) this.#deps.failed(error);
    });
  }

  /**
   * Another node owns a room: its members connect again. Unsaved changes are lost: the other node began
   * without them.
   */
  #lose(id: string): void {
    const opening = this.#open.get(id);
    if (!opening) return;
    this.#open.delete(id);
    this.#rooms.delete(id);
    this.#whileClosing(id, async () => {
      const room = await opening.catch(() => undefined);
      await room?.close('moved', 'The room is on another node now.', { stop: roomMoved(id) });
      this.#deps.onMoved?.(id, 'taken');
    }).catch(this.#deps.failed);
  }

  /** Closes a room, whose members connect again. @param work before it can be opened again */
  async #reopen(id: string, work: () => Promise<void> = async () => {}): Promise<void> {
    const opening = this.#open.get(id);
    this.#open.delete(id);
    this.#rooms.delete(id);
    await this.#whileClosing(id, async () => {
      const room = await opening?.catch(() => undefined);
      await room?.close('moved', 'The room is opened again.');
      await work();
    });
  }

  get #isClustered(): boolean {
    return this.#placement.node !== '';
  }

  #isElsewhere(id: string): boolean {
    const owner = this.#placement.find('room', id);
    return owner !== undefined && owner !== 'own';
  }

  /** Makes this node the owner of a room that has none. @throws OxbowError `room-moved` */
  async #claim(id: string): Promise<void> {
    if (!this.#placement.takes('room') || (await this.#placement.claim('room', id)) !== 'own') throw roomMoved(id);
  }

  /**
   * Work on a room that is not open. Opening it again waits for the end of the work, and so does further
   * work.
   */
  async #whileClosing(id: string, work: () => Promise<void>): Promise<void> {
    const done = (this.#closing.get(id) ?? Promise.resolve()).then(work);
    const ended = done.catch(() => undefined);
    this.#closing.set(id, ended);
    try {
      await done;
    } finally {
      if (this.#closing.get(id) === ended) this.#closing.delete(id);
    }
  }

  #keep(id: string, opening: Promise<Room>): Promise<Room> {
    this.#open.set(id, opening);
    opening.then(
      (room) => {
        if (this.#open.get(id) !== opening) return;
        this.#rooms.set(id, room);
        this.#deps.onOpen?.();
      },
      () => {
        if (this.#open.get(id) === opening) this.#open.delete(id);
      },
    );
    return opening;
  }

  async #read(id: string): Promise<Room> {
    const { tables } = this.#deps;
    if (this.#isClosed) throw new OxbowError('not-ready', 'The server stops.');
    await this.#closing.get(id);
    const owner = await this.#placement.lookUp('room', id);
    if (owner !== undefined && owner !== 'own') throw roomMoved(id);
    if (owner === undefined) {
      if (!(await tables.find(id))) throw roomUnknown(id);
      await this.#claim(id);
    }
    const stored = await tables.find(id);
    if (!stored) throw roomUnknown(id);
    // States of the last second before a crash were sent, but not stored: no rev is used twice.
    const state = { ...stored.state, rev: stored.state.rev + UNSAVED_REVS };
    const [members, items] = [await tables.members(id), await tables.items(id)];
    return Room.open(this.#roomDeps, { ...stored, state, members, items });
  }
}

function eventDataOf({ id, owner, visibility }: RoomRecord): EventData<'room.created'> {
  return { id, visibility, owner: owner === administrator.id ? 'admin' : `user:${owner}` };
}

/** An id that cannot be guessed. */
export function createRoomId(): string {
  return Array.from({ length: ID_LENGTH }, () => ID_CHARACTERS[randomInt(ID_CHARACTERS.length)]).join('');
}

/** The error for a room that does not exist. */
export function roomUnknown(id: string): OxbowError {
  return new OxbowError('room-unknown', `There is no room with the id "${id.slice(0, 80)}".`);
}
