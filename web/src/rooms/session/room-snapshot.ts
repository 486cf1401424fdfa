/**
 * What a member knows of a room, and how each message of the server changes it.
 * In: messages of the server. Out: a value that is never changed, only replaced, for the room's session.
 * Pure.
 */
import type { RoomCall } from '../../../../src/api/room/call-shapes.ts';
import { withItemChanges } from '../../../../src/api/room/item-changes.ts';
import type { RoomItem } from '../../../../src/api/room/item-shapes.ts';
import { MAX_LISTED } from '../../../../src/api/room/limits.ts';
import type { RoomMessage, RoomPoll, ServerMessage } from '../../../../src/api/room/messages.ts';
import { nothingPlays, type PlaybackState } from '../../../../src/api/room/playback.ts';
import type { MemberView, RoomView } from '../../../../src/api/room/room-shapes.ts';

/** At most this many messages are kept; older ones are in the history. */
export const MAX_MESSAGES = 1000;
/**
 * Messages that are requested again after a reconnection. The server delivers a message before it is stored:
 * one that was lost in between comes again under the same id and perhaps another number.
 */
export const OVERLAP = 32;

/** This connection's user. */
interface RoomSelf {
  /** Id of the user. */
  readonly user: string;
  readonly name: string;
  readonly permissions: number;
  /** Unix ms; null: not muted. */
  readonly mutedUntilMs: number | null;
}

/** The known state of a room. */
export interface RoomSnapshot {
  /** Null before the first welcome. */
  readonly room: RoomView | null;
  readonly you: RoomSelf | null;
  readonly members: readonly MemberView[];
  readonly items: readonly RoomItem[];
  readonly state: PlaybackState;
  readonly polls: readonly RoomPoll[];
  /** Null: no one talks. */
  readonly call: RoomCall | null;
  /** In the order of the room, without holes. */
  readonly messages: readonly RoomMessage[];
  /** The history has older messages. */
  readonly hasOlder: boolean;
  /** Number of the newest message; 0: none. */
  readonly lastSeq: number;
}

/** The room before the first welcome. */
export const unknownRoom: RoomSnapshot = {
  room: null,
  you: null,
  members: [],
  items: [],
  state: nothingPlays,
  polls: [],
  call: null,
  messages: [],
  hasOlder: false,
  lastSeq: 0,
};

/** How many people are here: in a room that lists them all, those of the list. */
export function presentIn({ room, members }: RoomSnapshot): number {
  if (room && room.present > MAX_LISTED) return room.present;
  return members.filter(({ present, state }) => present > 0 && state === 'active').length;
}

/** Between two messages of a member, seconds; 0: off. */
export function slowModeSecondsOf({ room }: RoomSnapshot): number {
  return room?.options.slowModeSeconds ?? 0;
}

/** Messages after this one are requested when the connection is opened again; undefined: the last ones. */
export function resumeAfter({ room, lastSeq }: RoomSnapshot): number | undefined {
  return room === null ? undefined : Math.max(0, lastSeq - OVERLAP);
}

const isSame = (a: RoomMessage, b: RoomMessage) => a.author === b.author && a.id === b.id;

/** Adds messages of the history, oldest first, before the known ones. */
export function addOlder(snapshot: RoomSnapshot, older: readonly RoomMessage[], hasOlder: boolean): RoomSnapshot {
  const first = snapshot.messages[0]?.seq ?? Number.POSITIVE_INFINITY;
  return { ...snapshot, messages: [...older.filter(({ seq }) => seq < first), ...snapshot.messages], hasOlder };
}

function appended(snapshot: RoomSnapshot, message: RoomMessage): RoomSnapshot {
  // The order of the room: a message is shown once, where it was numbered last.
  const others = snapshot.messages.filter((other) => other.seq !== message.seq && !isSame(other, message));
  let at = others.length;
  while (at > 0 && others[at - 1]!.seq > message.seq) at -= 1;
  others.splice(at, 0, message);
  const isLong = others.length > MAX_MESSAGES;
  return {
    ...snapshot,
    messages: isLong ? others.slice(-MAX_MESSAGES) : others,
    hasOlder: snapshot.hasOlder || isLong,
    lastSeq: Math.max(snapshot.lastSeq, message.seq),
  };
}

function welcomed(snapshot: RoomSnapshot, welcome: Extract<ServerMessage, { t: 'welcome' }>): RoomSnapshot {
  const { you, room, state, members, items, polls, call, messages, gap, lastSeq } = welcome;
  const since = resumeAfter(snapshot);
  // A delivered message that is not in the answer has not been stored: it comes again.
  const kept = since === undefined || gap ? [] : snapshot.messages.filter(({ seq }) => seq <= since);
  return {
    room,
    state,
    members,
    items,
    polls,
    call,
    lastSeq,
    you: { ...you, mutedUntilMs: mutedUntil(members, you.user) },
    messages: [...kept, ...messages.filter((message) => !kept.some((other) => isSame(message, other)))],
    hasOlder: since === undefined || gap ? (messages[0]?.seq ?? 1) > 1 : snapshot.hasOlder,
  };
}

function mutedUntil(members: readonly MemberView[], user: string): number | null {
  const until = members.find((member) => member.user === user)?.mutedUntil;
  return until ? Date.parse(until) : null;
}

/** Replaces the entry with the same key, or adds one. */
function placed<T>(list: readonly T[], entry: T, key: (item: T) => unknown): readonly T[] {
  const at = list.findIndex((item) => key(item) === key(entry));
  return at < 0 ? [...list, entry] : list.with(at, entry);
}

/** The room after a message of the server; the same value if nothing has changed. */
export function nextRoom(snapshot: RoomSnapshot, message: ServerMessage): RoomSnapshot {
  switch (message.t) {
    case 'welcome':
      return welcomed(snapshot, message);
    case 'state':
      // After a restart of the server the welcome sets the revision; in a connection it only rises.
      return message.state.rev < snapshot.state.rev ? snapshot : { ...snapshot, state: message.state };
    case 'message':
      return appended(snapshot, message.message);
    case 'changed': {
      const at = snapshot.messages.findIndex(({ seq }) => seq === message.message.seq);
      return at < 0 ? snapshot : { ...snapshot, messages: snapshot.messages.with(at, message.message) };
    }
    case 'member':
      return { ...snapshot, members: placed(snapshot.members, message.member, ({ user }) => user) };
    case 'left':
      return { ...snapshot, members: snapshot.members.filter(({ user }) => user !== message.user) };
    case 'members': {
      const changed = new Map(message.members.map((member) => [member.user, member]));
      const gone = new Set(message.left);
      const others = snapshot.members.filter(({ user }) => !gone.has(user) && !changed.has(user));
      return { ...snapshot, members: [...others, ...changed.values()] };
    }
    case 'offsets': {
      const offsets = new Map(message.offsets.map(([user, ...offset]) => [user, offset]));
      const members = snapshot.members.map((member) => {
        const offset = offsets.get(member.user);
        return offset ? { ...member, offsetMs: offset[0], buffering: offset[1] } : member;
      });
      return { ...snapshot, members };
    }
    case 'items':
      return { ...snapshot, items: message.items };
    case 'item-changes':
      return { ...snapshot, items: withItemChanges(snapshot.items, message) };
    case 'room':
      return { ...snapshot, room: message.room };
    case 'you': {
      const { permissions, mutedUntilMs } = message;
      return snapshot.you ? { ...snapshot, you: { ...snapshot.you, permissions, mutedUntilMs } } : snapshot;
    }
    case 'poll': {
      const ownVotes = message.poll.own ?? snapshot.polls.find(({ id }) => id === message.poll.id)?.own;
      const poll = ownVotes ? { ...message.poll, own: ownVotes } : message.poll;
      return { ...snapshot, polls: placed(snapshot.polls, poll, ({ id }) => id) };
    }
    case 'call':
      return { ...snapshot, call: message.call };
    case 'poll-deleted':
      return { ...snapshot, polls: snapshot.polls.filter(({ id }) => id !== message.poll) };
    default:
      return snapshot;
  }
}
