/**
 * The stored form of rooms: the room, its members, its playlist. Times are unix ms.
 * In: rooms. Out: room-tables.ts reads and writes it.
 */
import type { WatchRuleLists } from '../../api/access/watch-rules-shapes.ts';
import type { ItemTarget } from '../../api/room/item-shapes.ts';
import { usualMasks } from '../../api/room/permissions.ts';
import type { PlaybackState } from '../../api/room/playback.ts';
import type { RoomOptions, RoomView } from '../../api/room/room-shapes.ts';

export interface RoomRecord {
  readonly id: string;
  readonly name: string;
  /** Id of the user. */
  readonly owner: string;
  readonly visibility: RoomView['visibility'];
  /** PHC string; null: none. */
  readonly password: string | null;
  /** Null: as in the settings. */
  readonly capacity: number | null;
  readonly options: RoomOptions;
  /** Where it may be entered, by network and country; null or undefined: the setting `watchRules`. */
  readonly watchRules?: WatchRuleLists | null;
  readonly createdMs: number;
  /** Null: when it is not used. */
  readonly expiresMs: number | null;
}

/** Fields that change while people watch; saved more often than the rest. */
export interface RoomProgress {
  readonly state: PlaybackState;
  /** Last time a person was present. */
  readonly usedMs: number;
  /** People who are there, for lists of other nodes. */
  readonly present?: number;
}

/** A person, as a room knows them. */
export interface MemberRecord {
  readonly user: string;
  /** Name at the last visit. */
  readonly name: string;
  /** The owner is a property of the room. */
  readonly role: 'moderator' | 'member' | 'guest';
  readonly state: 'active' | 'pending' | 'banned' | 'left';
  /** Permission bits beyond those of the role. */
  readonly allow: number;
  /** Bits of the role that are withheld. */
  readonly deny: number;
  /** 0: not muted. */
  readonly mutedUntilMs: number;
  readonly joinedMs: number;
  readonly seenMs: number;
  /** Has given the password. */
  readonly letIn: boolean;
  /** That a guest used last, or before it was banned; empty: not known, or no guest. */
  readonly address: string;
}

/** An entry of the playlist. */
export interface ItemRecord {
  readonly id: string;
  readonly parent: string | null;
  /** Order in the folder. */
  readonly rank: number;
  readonly name: string;
  readonly target: ItemTarget;
  /**
   * Its author may watch media that is not open to all, and shows it to the room: its address has a playback
   * token.
   */
  readonly signed: boolean;
  readonly addedBy: string;
  readonly createdMs: number;
}

export interface ListedRoom {
  readonly room: RoomRecord;
  readonly ownerName: string;
  /** Name of the item that plays, or played when the room was empty; null: none. */
  readonly playing: string | null;
  /** Its media. */
  readonly target: ItemTarget | undefined;
  readonly state: PlaybackState;
  /** People who are there, as the owner wrote it last; 0 if that is long ago. */
  readonly present: number;
  /** The reader of the list, as the room knows them. */
  readonly known: MemberRecord | undefined;
}

/** The options of a new room. */
export const usualOptions: RoomOptions = {
  guests: true,
  approve: false,
  control: 'everyone',
  atEnd: 'next',
  waitForSlow: false,
  slowModeSeconds: 0,
  keepChat: false,
  masks: usualMasks,
};
