/**
 * Writes what changed of an open room, one write after the other.
 * In: marks of what changed. Out: rows. What cannot be written is kept for the next time.
 */
import { OxbowError } from '../lib/errors.ts';
import type { Members } from './members.ts';
import type { Playlist } from './playlist/playlist.ts';
import type { RoomProgress } from './room-record.ts';
import type { RoomTables } from './room-tables.ts';

/** What is written, and where to. */
interface SavingParts {
  readonly id: string;
  readonly tables: RoomTables;
  readonly members: Members;
  readonly playlist: Playlist;
  progress(): RoomProgress;
}

/** The writes of one room. */
export class RoomSaving {
  readonly #parts: SavingParts;
  #isProgressUnsaved = false;
  #last: Promise<unknown> = Promise.resolve();
  #isStopped = false;

  constructor(parts: SavingParts) {
    this.#parts = parts;
  }

  /** What plays, or the last time that the room was used, has changed. */
  progressed(): void {
    this.#isProgressUnsaved = true;
  }

  /** Writes everything; resolves when it is committed. */
  save(): Promise<void> {
    return this.inTurn(() => this.#save());
  }

  /** Writes in the background what is not written yet. @param failed gets the error, except that the room was deleted meanwhile */
  saveIfDue(failed: (error: unknown) => void): void {
    if (!this.#isProgressUnsaved && !this.#parts.members.hasUnsaved) return;
    this.save().catch((error: unknown) => {
      if (!this.#isStopped) failed(error);
    });
  }

  /**
   * Does a write when those before it have ended.
   *
   * @throws OxbowError `room-unknown` after `stop`
   */
  inTurn(write: () => Promise<void>): Promise<void> {
    const done = this.#last.then(() => {
      this.#assertNotStopped();
      return write();
    });
    this.#last = done.catch(() => undefined);
    return done;
  }

  /** The room is deleted: nothing is written any more, since it would outlive the room. Resolves when the write in progress has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#last;
  }

  #assertNotStopped(): void {
    if (this.#isStopped) throw new OxbowError('room-unknown', 'The room was deleted.');
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
