/**
 * Writes changes of an open room, one write after the other.
 * In: marks of changes. Out: rows. A change that cannot be written is kept for the next time.
 */
import type { OxbowError } from '../../lib/errors.ts';
import { isRoomMoved } from './cluster/room-guard.ts';
import type { Members } from './members/members.ts';
import type { Playlist } from './playlist/playlist.ts';
import type { RoomProgress } from './room-record.ts';
import type { RoomTables } from './stored/room-tables.ts';

/** The changes, and where they are written to. */
interface SavingParts {
  readonly id: string;
  readonly tables: RoomTables;
  readonly members: Members;
  readonly playlist: Playlist;
  progress(): RoomProgress;
  /** A write was refused: another node owns the room. */
  moved(): void;
}

/** The writes of one room. */
export class RoomSaving {
  readonly #parts: SavingParts;
  #isProgressUnsaved = false;
  #isUrgent = false;
  #last: Promise<unknown> = Promise.resolve();
  /** Why nothing is written any more. */
  #stopped: OxbowError | undefined;

  constructor(parts: SavingParts) {
    this.#parts = parts;
  }

  /**
   * What plays, or the last time that the room was used, has changed.
   * @param isUrgent it is written with the next tick
   */
  progressed({ isUrgent = false } = {}): void {
    this.#isProgressUnsaved = true;
    this.#isUrgent ||= isUrgent;
  }

  /** A change that cannot wait for the next second is not written yet. */
  get isUrgent(): boolean {
    return this.#isUrgent;
  }

  /** Writes everything; resolves when it is committed. */
  save(): Promise<void> {
    return this.inTurn(() => this.#save());
  }

  /**
   * Writes unsaved changes in the background.
   * @param failed gets the error, except that the room was deleted or moved meanwhile
   */
  saveIfDue(failed: (error: unknown) => void): void {
    this.#isUrgent = false;
    if (!this.#isProgressUnsaved && !this.#parts.members.hasUnsaved) return;
    this.save().catch((error: unknown) => {
      if (!this.#stopped) failed(error);
    });
  }

  /**
   * Does a write when those before it have ended.
   *
   * @throws OxbowError the reason of `stop`; `room-moved` if another node owns the room
   */
  inTurn(write: () => Promise<void>): Promise<void> {
    const done = this.#last.then(() => {
      this.#assertNotStopped();
      return write();
    });
    this.#last = done.catch((error: unknown) => {
      if (!isRoomMoved(error) || this.#stopped) return;
      this.#stopped = error as OxbowError;
      this.#parts.moved();
    });
    return done;
  }

  /**
   * Nothing is written any more: it would outlive a room that is deleted. Resolves when the write in progress
   * has ended.
   */
  async stop(reason: OxbowError): Promise<void> {
    this.#stopped ??= reason;
    await this.#last;
  }

  #assertNotStopped(): void {
    if (this.#stopped) throw this.#stopped;
  }

  async #save(): Promise<void> {
    const { id, tables, members, playlist, progress } = this.#parts;
    if (this.#isProgressUnsaved) {
      this.#isProgressUnsaved = false;
      await tables.saveProgress(id, progress()).catch((error) => {
        this.#isProgressUnsaved = true;
        throw error;
      });
    }
    this.#assertNotStopped();
    await members.save((changed, removed) => tables.saveMembers(id, changed, removed));
    this.#assertNotStopped();
    await playlist.save((changed, removed) => tables.saveItems(id, changed, removed));
  }
}
