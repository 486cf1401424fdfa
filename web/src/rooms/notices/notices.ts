/**
 * What someone did with the remote, in words.
 * In: two states of the room after each other. Out: the key of a text. Pure.
 */
import { type PlaybackState, positionAt } from '../../../../src/api/room/playback.ts';

/** The kinds of events in a room. */
type RoomAct = 'item' | 'live' | 'paused' | 'resumed' | 'rate' | 'forward' | 'back' | 'waits';

/** Most names of people that the room waits for; the others are counted. */
const MOST_NAMES = 3;

/** The people that the room waits for, as they are named. */
interface Awaited {
  /** Everyone who is in the room. */
  readonly all: boolean;
  /** Users, the reader first. */
  readonly named: readonly string[];
  /** How many further ones. */
  readonly others: number;
}

/**
 * Sums up the people that the room waits for.
 *
 * @param waitingFor ids of users
 * @param you id of the reader
 * @param present how many people are in the room
 */
export function awaitedOf(waitingFor: readonly string[], you: string | undefined, present: number): Awaited {
  const ordered = [...waitingFor].sort((a, b) => Number(b === you) - Number(a === you));
  const named = ordered.length > MOST_NAMES + 1 ? ordered.slice(0, MOST_NAMES) : ordered;
  return { all: present > 1 && ordered.length >= present, named, others: ordered.length - named.length };
}

/** A smaller change of the position is not a jump, milliseconds. */
const JUMP_MS = 1_500;

/**
 * What the newer state changes; null: nothing that people notice.
 *
 * @param before the state so far; its `rev` 0: the room was just opened
 */
export function actOf(before: PlaybackState, after: PlaybackState): RoomAct | null {
  if (before.rev === 0 || after.rev <= before.rev) return null;
  if (after.item !== before.item) return after.item === null ? null : 'item';
  if (after.by === '') return after.waitingFor ? 'waits' : null;
  if (after.live && !before.live) return 'live';
  if (after.playing !== before.playing) return after.playing ? 'resumed' : 'paused';
  if (after.rate !== before.rate) return 'rate';
  const byMs = after.anchorMedia - positionAt(before, after.anchorServer);
  if (Math.abs(byMs) < JUMP_MS) return null;
  return byMs > 0 ? 'forward' : 'back';
}
