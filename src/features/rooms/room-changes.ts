/**
 * Changes of an open room, its people and its playlist: each is stored, and everyone who may see it is
 * notified.
 * In: changes that were permitted. Out: rows, notices.
 */
import type { Call } from './call/call.ts';
import type { RoomHub } from './room-hub.ts';
import type { MemberRecord, RoomRecord } from './room-record.ts';
import type { RoomSaving } from './room-saving.ts';
import type { RoomState } from './room-state.ts';
import type { RoomTables } from './stored/room-tables.ts';

/** Dependencies of changes. */
interface ChangesParts {
  readonly state: RoomState;
  readonly hub: RoomHub;
  readonly saving: RoomSaving;
  readonly tables: Pick<RoomTables, 'update'>;
  /** A person who may no longer talk leaves the call. */
  readonly call: Pick<Call, 'check'>;
}

export class RoomChanges {
  readonly #parts: ChangesParts;

  constructor(parts: ChangesParts) {
    this.#parts = parts;
  }

  /** A person; `save` stores them. */
  member(record: MemberRecord): void {
    const { state, hub } = this.#parts;
    const notice = state.setMember(record);
    hub.listed(record.user);
    hub.send(notice);
    this.#permissions(record.user);
  }

  /** A person is no longer of the room, as far as others see. */
  memberLeft(user: string): void {
    this.#parts.hub.send({ message: { t: 'left', user } });
  }

  /** The room. Changes are made one after the other, so that none undoes another. */
  record(change: (record: RoomRecord) => RoomRecord): Promise<void> {
    const { state, hub, saving, tables } = this.#parts;
    return saving.inTurn(async () => {
      const record = change(state.record);
      await tables.update(record);
      hub.send(state.setRecord(record));
      for (const { user } of state.participants.all) this.#permissions(user.id);
    });
  }

  /** Entries of the playlist: everyone gets them, and they are written. */
  async items(): Promise<void> {
    const { playback, playlist } = this.#parts.state;
    const { item } = playback.state;
    if (item !== null && !playlist.find(item)) playback.itemGone();
    this.#parts.hub.itemsChanged();
    await this.save();
  }

  /** Writes unsaved changes. */
  save(): Promise<void> {
    return this.#parts.saving.save();
  }

  #permissions(user: string): void {
    const { state, hub, call } = this.#parts;
    const participant = state.participants.find(user);
    if (!participant) return;
    call.check(participant.user);
    hub.itemsChanged(); // perhaps they may see the playlist now, or no longer
    hub.sendTo(user, state.permissionsOf(participant.user));
  }
}
