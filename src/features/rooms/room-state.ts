/**
 * The state of a room: its record, people, playlist, playback. Changes return the notices for people.
 * In: stored rows, changes that were permitted. Out: answers about permissions, views, notices for the hub.
 * Sends and writes nothing.
 */
import type { UserRef } from '../../accounts/users/user.ts';
import type { ServerMessage } from '../../api/room/messages.ts';
import { permissionBits, type RoomPermission } from '../../api/room/permissions.ts';
import type { PlaybackState } from '../../api/room/playback.ts';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import { isHiddenState, Members, type PermissionCounts } from './members/members.ts';
import { Participants } from './participants/participants.ts';
import { Playback, type PlaybackCommand } from './playback/playback.ts';
import { Playlist } from './playlist/playlist.ts';
import type { StoredRoom } from './room-deps.ts';
import type { RoomMedia } from './room-media.ts';
import type { MemberRecord, RoomRecord } from './room-record.ts';
import { RoomViews } from './room-views.ts';

/** A message, and who gets it: everyone in the room, or some. */
export interface RoomNotice {
  readonly message: ServerMessage;
  readonly isFor?: (user: UserRef) => boolean;
}

interface RoomStateParts {
  readonly clock: Clock;
  readonly media: RoomMedia;
  readonly permissionCounts?: PermissionCounts | undefined;
  /** How far ahead changes of playback take effect, ms. */
  leadMs(): number;
  /** What plays has changed. */
  played(state: PlaybackState): void;
  failed(error: unknown): void;
}

export class RoomState {
  readonly media: RoomMedia;
  readonly members: Members;
  readonly participants = new Participants();
  readonly playlist: Playlist;
  readonly playback: Playback;
  readonly views: RoomViews;
  readonly #clock: Clock;
  #record: RoomRecord;

  constructor({ room, state, members, items }: StoredRoom, parts: RoomStateParts) {
    this.media = parts.media;
    this.#clock = parts.clock;
    this.#record = room;
    this.members = new Members(room, members, parts.permissionCounts);
    this.playlist = new Playlist(items);
    this.playback = this.#openPlayback(state, parts);
    this.views = new RoomViews(this, () => parts.clock.nowMs());
  }

  /** The stored record of the room. */
  get record(): RoomRecord {
    return this.#record;
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

  /** A person is here, or waits. @param address of a guest it is kept, for a ban */
  remember(user: UserRef, state: MemberRecord['state'], address?: string): MemberRecord {
    return this.members.remember(user, state, this.#clock.nowMs(), address);
  }

  /** A person gave the right password. */
  letIn(user: UserRef): void {
    this.members.set({ ...this.remember(user, this.members.find(user.id)?.state ?? 'left'), letIn: true });
  }

  /** Changes a person. Returns the notice for everyone who may see them. */
  setMember(record: MemberRecord): RoomNotice {
    const previous = this.members.find(record.user);
    const isHidden = isHiddenState(record.state) || (previous !== undefined && isHiddenState(previous.state));
    this.members.set(record);
    const message: ServerMessage = { t: 'member', member: this.views.member(record) };
    return isHidden ? { message, isFor: (to) => this.views.seesHidden(to) } : { message };
  }

  /** Changes the room. */
  setRecord(record: RoomRecord): RoomNotice {
    this.#record = record;
    this.members.roomChanged(record);
    return { message: { t: 'room', room: this.views.room() } };
  }

  /** The current permissions of a person, for their connections. */
  permissionsOf(user: UserRef): ServerMessage {
    const { mutedUntilMs = 0 } = this.members.find(user.id) ?? {};
    const muted = mutedUntilMs > this.#clock.nowMs() ? mutedUntilMs : null;
    return { t: 'you', permissions: this.members.maskOf(user), mutedUntilMs: muted };
  }

  #openPlayback(state: PlaybackState, { clock, media, leadMs, played, failed }: RoomStateParts): Playback {
    const room = this;
    return new Playback(
      {
        clock,
        failed,
        leadMs,
        findItem: (id) => room.playlist.find(id),
        itemAfter: (id) => (room.#record.options.atEnd === 'next' ? room.playlist.after(id) : undefined),
        openMedia: ({ target }) => media.open(target),
        get waitsForSlow() {
          return room.#record.options.waitForSlow;
        },
        get present() {
          return room.participants.size;
        },
        changed: played,
      },
      state,
    );
  }
}
