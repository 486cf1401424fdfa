/**
 * All rooms of the server. A room is open while people are in it, and for a while after.
 * In: requests and connections. Out: open rooms, lists, rows.
 */
import { randomInt } from 'node:crypto';
import type { UserRef } from '../accounts/users/user.ts';
import { nothingPlays } from '../api/room/playback.ts';
import { OxbowError } from '../lib/errors.ts';
import { Room, type RoomDeps } from './room.ts';
import { type RoomRecord, usualOptions } from './room-record.ts';

/** 10 characters of 57: 58 bits. */
const ID_CHARACTERS = '23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
const ID_LENGTH = 10;

/** The settings of rooms. */
export interface RoomsSettings {
  readonly create: 'users' | 'everyone' | 'admins' | 'off';
  readonly max: number;
  readonly perUser: number;
  readonly capacity: number;
  /** Ms. */
  readonly keep: number;
}

/** What rooms need. */
export interface RoomsDeps extends Omit<RoomDeps, 'settings'> {
  readonly settings: () => RoomsSettings;
}

/** What people choose of a room. */
export type RoomChoices = Partial<
  Pick<RoomRecord, 'name' | 'visibility' | 'password' | 'capacity' | 'options' | 'expiresMs'>
>;

/** The rooms. */
export class Rooms {
  readonly #deps: RoomsDeps;
  readonly #open = new Map<string, Promise<Room>>();

  constructor(deps: RoomsDeps) {
    this.#deps = deps;
  }

  /**
   * Creates a room.
   *
   * @param choices `password` as PHC string
   * @throws OxbowError `forbidden`, `limit-reached`
   */
  async create(owner: UserRef, choices: RoomChoices): Promise<Room> {
    const { tables, clock, settings } = this.#deps;
    const { create, max, perUser } = settings();
    const isAdmin = owner.role === 'admin';
    const may = isAdmin ? create !== 'off' : create === 'everyone' || (create === 'users' && owner.role === 'user');
    if (!may) throw new OxbowError('forbidden', 'You may not create rooms on this server.');
    if ((await tables.count()) >= max) throw new OxbowError('limit-reached', `There are ${max} rooms already.`);
    if (!isAdmin && (await tables.count(owner.id)) >= perUser)
      throw new OxbowError('limit-reached', `You have ${perUser} rooms already.`);
    const createdMs = clock.nowMs();
    const room: RoomRecord = {
      ...{ name: '', visibility: 'unlisted', password: null, capacity: null, options: usualOptions, expiresMs: null },
      ...choices,
      ...{ id: createRoomId(), owner: owner.id, createdMs },
    };
    await tables.insert(room, {
      ...{ user: owner.id, name: owner.name, role: 'moderator', state: 'active', allow: 0, deny: 0 },
      ...{ mutedUntilMs: 0, joinedMs: createdMs, seenMs: createdMs, letIn: true, address: '' },
    });
    return this.#keep(
      room.id,
      Room.open(this.#deps, {
        ...{ room, state: nothingPlays, usedMs: createdMs, items: [] },
        members: await tables.members(room.id),
      }),
    );
  }

  /**
   * An open room, by its id.
   *
   * @throws OxbowError `room-unknown`
   */
  get(id: string): Promise<Room> {
    return this.#open.get(id) ?? this.#keep(id, this.#read(id));
  }

  /** Closes every room: connections end, everything is written. */
  async close(): Promise<void> {
    const open = await Promise.allSettled(this.#open.values());
    this.#open.clear();
    await Promise.all(open.map((one) => (one.status === 'fulfilled' ? one.value.close() : undefined)));
  }

  #keep(id: string, opening: Promise<Room>): Promise<Room> {
    this.#open.set(id, opening);
    opening.catch(() => this.#open.delete(id));
    return opening;
  }

  async #read(id: string): Promise<Room> {
    const { tables } = this.#deps;
    const stored = await tables.find(id);
    if (!stored) throw roomUnknown(id);
    return Room.open(this.#deps, { ...stored, members: await tables.members(id), items: await tables.items(id) });
  }
}

/** An id that cannot be guessed. */
export function createRoomId(): string {
  return Array.from({ length: ID_LENGTH }, () => ID_CHARACTERS[randomInt(ID_CHARACTERS.length)]).join('');
}

/** The error for a room that does not exist. */
export function roomUnknown(id: string): OxbowError {
  return new OxbowError('room-unknown', `There is no room with the id "${id.slice(0, 80)}".`);
}
