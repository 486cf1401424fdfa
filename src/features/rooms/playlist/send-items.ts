/**
 * Sends the playlist of a room: all of it on entering, then its changes, printed once for all. Those who may
 * not see it get the entry that plays, and nothing of the others.
 * In: changes of the playlist, of permissions, of what plays. Out: messages `item-changes` and `items`.
 */
import type { UserRef } from '../../../accounts/users/user.ts';
import type { PlacedItem } from '../../../api/room/item-changes.ts';
import type { RoomItem } from '../../../api/room/item-shapes.ts';
import type { ServerMessage } from '../../../api/room/messages.ts';
import type { RoomPermission } from '../../../api/room/permissions.ts';
import type { PlaybackState } from '../../../api/room/playback.ts';
import type { Participant, Participants } from '../participants/participants.ts';
import type { ItemRecord } from '../room-record.ts';
import { ADDRESSES_EACH_MS } from './address-expiry.ts';
import type { Playlist } from './playlist.ts';

/** Changes are sent at most this often, ms. */
const EACH_MS = 250;

/**
 * People who enter within this time get the same value, which is printed once, ms. It is not kept longer:
 * rooms are many.
 */
const SHARED_MS = 1000;

/** A room's state, as the sender sees it. */
interface ItemRoom {
  readonly playback: { readonly state: PlaybackState };
  readonly playlist: Playlist;
  readonly participants: Participants;
  readonly views: { items(): readonly RoomItem[]; item(item: ItemRecord): RoomItem };
  may(user: Pick<UserRef, 'id' | 'role'>, permission: RoomPermission): boolean;
}

/** Sends to everyone, or to some. */
type Broadcast = (message: ServerMessage, isFor?: (user: UserRef) => boolean) => void;

/** The playlist as the people of a room know it. */
export class ItemSender {
  readonly #room: ItemRoom;
  readonly #broadcast: Broadcast;
  /** People who are here and have all entries, by user id. */
  readonly #whole = new Set<string>();
  #sentMs = 0;
  #addressedMs: number | undefined;
  #isDue = false;
  /** All entries as they are, for those who enter now; undefined after a change. */
  #shared: readonly RoomItem[] | undefined;
  #sharedMs = 0;

  constructor(room: ItemRoom, broadcast: Broadcast) {
    this.#room = room;
    this.#broadcast = broadcast;
  }

  /**
   * The entries for a connection that opens. Connections that open soon after each other get the same value.
   */
  enter(user: UserRef): readonly RoomItem[] {
    const maySee = this.#room.may(user, 'list');
    if (maySee && this.#room.participants.count(user.id) === 1) this.#whole.add(user.id);
    return maySee ? this.#all() : this.#playing();
  }

  /** A person is gone. */
  left(user: string): void {
    this.#whole.delete(user);
  }

  /** The playlist or permissions have changed. */
  changed(): void {
    this.#shared = undefined;
    this.#isDue = true;
  }

  /** Another entry plays: those who may not see the playlist get it. */
  played(): void {
    for (const { user } of this.#room.participants.all) if (!this.#room.may(user, 'list')) this.#isDue = true;
  }

  /** Sends due changes. */
  tick(monoMs: number): void {
    const { playlist } = this.#room;
    if (monoMs - this.#sharedMs >= SHARED_MS) {
      this.#shared = undefined;
      this.#sharedMs = monoMs;
    }
    this.#addressedMs ??= monoMs;
    if (monoMs - this.#addressedMs >= ADDRESSES_EACH_MS) {
      this.#addressedMs = monoMs;
      playlist.renewSigned();
      this.#isDue ||= playlist.hasSigned;
    }
    if (!this.#isDue || monoMs - this.#sentMs < EACH_MS) return;
    this.#isDue = false;
    this.#sentMs = monoMs;
    this.#send();
  }

  #send(): void {
    const { participants } = this.#room;
    const newcomers: Participant[] = [];
    for (const participant of participants.all) {
      const { user } = participant;
      if (this.#room.may(user, 'list')) {
        if (!this.#whole.has(user.id)) newcomers.push(participant);
      } else {
        this.#whole.delete(user.id);
        sendTo(participant, this.#playing());
      }
    }
    const message = changesOf(this.#room);
    if (message) this.#shared = undefined;
    if (message && this.#whole.size > 0) {
      const isAll = this.#whole.size === participants.size;
      this.#broadcast(message, isAll ? undefined : ({ id }) => this.#whole.has(id));
    }
    for (const participant of newcomers) {
      this.#whole.add(participant.user.id);
      sendTo(participant, this.#all());
    }
  }

  #all(): readonly RoomItem[] {
    this.#shared ??= this.#room.views.items();
    return this.#shared;
  }

  #playing(): readonly RoomItem[] {
    const { playback, playlist } = this.#room;
    const { state } = playback;
    const playing = state.item === null ? undefined : playlist.find(state.item);
    return playing ? [this.#room.views.item(playing)] : [];
  }
}

function sendTo({ connections }: Participant, items: readonly RoomItem[]): void {
  for (const connection of connections.keys()) connection.send({ t: 'items', items });
}

/** The changes since the last call; undefined: none. */
function changesOf(room: ItemRoom): Extract<ServerMessage, { t: 'item-changes' }> | undefined {
  const changed = room.playlist.takeChanged();
  if (changed.size === 0) return undefined;
  const set: PlacedItem[] = [];
  let after: string | null = null;
  for (const item of room.playlist.all) {
    if (changed.has(item.id)) set.push({ item: room.views.item(item), after });
    after = item.id;
  }
  return { t: 'item-changes', set, removed: [...changed].filter((id) => !room.playlist.find(id)) };
}
