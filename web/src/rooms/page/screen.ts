/**
 * What the page of a room shows: the room, or why the visitor is not in it.
 * In: the status of the connection, codes of refused requests. Out: the name of a screen. Pure.
 */
import type { RoomStatus } from '../session/room-connection.ts';

/**
 * What the page shows. `join`: how to enter. `turned-away`: the moderators did not let the visitor in.
 * `gone`: there is no such room. `ended`: it was deleted, or has expired, during the visit.
 * `not-here`: the visitor is in another network or country than it is for.
 */
export type Screen =
  | 'loading'
  | 'join'
  | 'inside'
  | 'pending'
  | 'full'
  | 'banned'
  | 'kicked'
  | 'turned-away'
  | 'left'
  | 'gone'
  | 'ended'
  | 'guests-off'
  | 'not-here'
  | 'failed';

/**
 * The screen of a visitor who has tried to enter.
 *
 * @param outside the screen where the visitor has to do something to enter
 */
export function screenOf(
  { status, room }: { readonly status: RoomStatus; readonly room: object | null },
  outside: Screen,
): Screen {
  if (status.is === 'waiting' && status.pending) return 'pending';
  if (status.is !== 'refused') return room === null ? 'loading' : 'inside';
  switch (status.reason) {
    case 'kicked':
      return room === null ? 'turned-away' : 'kicked';
    case 'left':
    case 'banned':
    case 'full':
    case 'pending':
    case 'not-here':
      return status.reason;
    case 'gone':
      return room === null ? 'gone' : 'ended';
    case 'password':
    case 'signedOut':
      return 'join';
    default:
      return outside === 'join' ? 'failed' : outside;
  }
}

/** The screen of a refused request; undefined: the page stays as it is and shows the failure. */
export function screenOfCode(code: string): Screen | undefined {
  switch (code) {
    case 'room-unknown':
      return 'gone';
    case 'room-full':
      return 'full';
    case 'room-banned':
      return 'banned';
    case 'room-kicked':
      return 'kicked';
    case 'room-guests-off':
    case 'guests-refused':
      return 'guests-off';
    case 'watch-denied-here':
      return 'not-here';
    default:
      return undefined;
  }
}
