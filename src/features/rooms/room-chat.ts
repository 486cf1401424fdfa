/**
 * The chat of a room, as the room uses it: messages, danmaku, reactions and polls.
 * In: messages of members. Out: messages to all, answers to one. rooms/chat implements it; a room opens its
 * chat.
 */
import type { UserRef } from '../../accounts/users/user.ts';
import type { ItemTarget } from '../../api/room/item-shapes.ts';
import type { ClientMessageOf, RoomMessage, RoomPoll, ServerMessage } from '../../api/room/messages.ts';
import type { RoomPermission } from '../../api/room/permissions.ts';
import type { PlaybackState } from '../../api/room/playback.ts';
import type { Members } from './members/members.ts';
import type { Playlist } from './playlist/playlist.ts';
import type { RoomRecord } from './room-record.ts';

export type ChatClientMessage = ClientMessageOf<'chat' | 'danmaku' | 'react' | 'delete' | 'vote'>;

/** A sender: a connection, or a request. */
export interface ChatSender {
  readonly user: UserRef;
  /** Called for each message: permissions change. */
  may(permission: RoomPermission): boolean;
  /** Unix ms; 0: not muted. */
  readonly mutedUntilMs: number;
  /** Only to this connection: `ack`, `refused`. */
  send(message: ServerMessage): void;
}

/** The room, as its chat sees it. */
export interface ChatRoom {
  readonly id: string;
  /** Seconds between two messages of a member; 0: off. Read at each message. */
  readonly slowModeSeconds: number;
  /** To everyone in the room. */
  broadcast(message: ServerMessage): void;
  /** What plays now, and where; undefined: nothing. */
  playing(): { readonly item: string; readonly target: ItemTarget; readonly positionMs: number } | undefined;
  /** Id and name of everyone who may be mentioned: members of the room. */
  mentionable(): Iterable<{ readonly user: string; readonly name: string }>;
  /** A write was refused: another node owns the room, which ends here. */
  moved(): void;
}

/** The chat of a member who enters. */
interface ChatHistory {
  readonly messages: readonly RoomMessage[];
  readonly polls: readonly RoomPoll[];
  readonly gap: boolean;
  readonly lastSeq: number;
}

/** The chat of an open room. */
export interface RoomChat {
  /**
   * The last messages, from memory.
   *
   * @param since the last message that the reader has; undefined: none
   * @param reader user id, for its votes
   */
  history(since: number | undefined, reader: string): ChatHistory;
  /** Takes a message; answers by `sender.send`. Never throws and never waits. */
  receive(message: ChatClientMessage, sender: ChatSender): void;
  /** Writes uncommitted messages. */
  close(): Promise<void>;
}

/** Opens the chat of a room. */
export type OpenChat = (room: ChatRoom) => Promise<RoomChat>;

/** The part of a room that the chat reads for a sender. */
interface ChatSenderOwner {
  readonly members: Pick<Members, 'find'>;
  may(user: UserRef, permission: RoomPermission): boolean;
}

/** A person as the chat of their room sees them, always as they are now. */
export function chatSenderOf(room: ChatSenderOwner, user: UserRef, send: ChatSender['send']): ChatSender {
  return {
    user,
    may: (permission) => room.may(user, permission),
    get mutedUntilMs() {
      return room.members.find(user.id)?.mutedUntilMs ?? 0;
    },
    send,
  };
}

/** The part of a room's state that the chat reads. */
interface ChatOwner {
  readonly record: Pick<RoomRecord, 'id' | 'options'>;
  readonly playback: { readonly state: Pick<PlaybackState, 'item'>; readonly positionMs: number };
  readonly playlist: Pick<Playlist, 'find'>;
  readonly members: Pick<Members, 'all'>;
}

/** A room as its chat knows it, always as it is now. */
export function chatRoomOf(state: ChatOwner, calls: Pick<ChatRoom, 'broadcast' | 'moved'>): ChatRoom {
  return {
    id: state.record.id,
    get slowModeSeconds() {
      return state.record.options.slowModeSeconds;
    },
    ...calls,
    playing: () => {
      const { item } = state.playback.state;
      const target = item === null ? undefined : state.playlist.find(item)?.target;
      return item === null || !target ? undefined : { item, target, positionMs: state.playback.positionMs };
    },
    mentionable: () => state.members.all.filter(({ state: each }) => each === 'active'),
  };
}
