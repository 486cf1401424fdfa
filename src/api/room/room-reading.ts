/**
 * The contract of what other features read of rooms: what plays, and who may come in.
 * In: features/rooms implements it. Out: channels that follow a room. Types, and the one without rooms.
 */
import { OxbowError } from '../../lib/errors.ts';
import type { WatchRuleLists } from '../access/watch-rules-shapes.ts';
import type { ItemTarget } from './item-shapes.ts';
import type { PlaybackState } from './playback.ts';

/** A room at an instant. */
export interface ReadRoom {
  readonly id: string;
  /** May be empty. */
  readonly name: string;
  /** Of a room that was empty for long: nothing plays. */
  readonly state: PlaybackState;
  /** The entry of the state; undefined: nothing plays, or it was removed. */
  readonly item: { readonly id: string; readonly name: string; readonly target: ItemTarget } | undefined;
  /** People without an account may come in, without a password or an approval. */
  readonly isOpen: boolean;
  /** By network and country; undefined: from everywhere. */
  readonly watchRules: WatchRuleLists | undefined;
  /** It was empty for long, so nothing plays. */
  readonly isEmpty: boolean;
  /** Its state is in memory, so reading it costs nothing; otherwise it is at most a second old. */
  readonly isHere: boolean;
}

/** See the field `rooms` of the hooks of features. */
export interface RoomReading {
  /** A room, wherever it is open; undefined: it was deleted. @throws errors of the store */
  read(id: string): Promise<ReadRoom | undefined>;
}

/** Without a feature that has rooms, and before it is open: no room counts as deleted. */
export const noRooms: RoomReading = {
  read: () => Promise.reject(new OxbowError('not-ready', 'Rooms are not open yet. Try again.')),
};
