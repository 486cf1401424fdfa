/**
 * Writes what changed of an open room, one write after the other.
 * In: marks of what changed. Out: rows. What cannot be written is kept for the next time.
 */
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
  #saving: Promise<void> = Promise.resolve();

  constructor(parts: SavingParts) {
    this.#parts = parts;
  }

  /** What plays, or the last time that the room was used, has changed. */
  progressed(): void {
    this.#isProgressUnsaved = true;
  }

  /** Something is not written yet. */
  get isDue(): boolean {
    return this.#isProgressUnsaved || this.#parts.members.hasUnsaved;
  }

  /** Writes everything; resolves when it is committed. */
  save(): Promise<void> {
    this.#saving = this.#saving.catch(() => undefined).then(() => this.#save());
    return this.#saving;
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
    await members.save((changed, removed) => tables.saveMembers(id, changed, removed));
    await playlist.save((changed, removed) => tables.saveItems(id, changed, removed));
  }
}
