/**
 * Small rows that the index of a recording refers to. They are written in the background, one after the
 * other; those that fail wait, and the index waits for them: so it never has media whose rows were lost.
 * In: writes of rows. Out: their effect; errors.
 */

/** Rows of one table and stream. */
export class WaitingRows {
  /** By the key of the row: the newest write. */
  readonly #waiting = new Map<number, () => Promise<void>>();
  readonly #failed: (error: unknown) => void;
  #writing: Promise<void> | undefined;

  /** @param failed called when a row could not be written in the background */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed;
  }

  /** Writes a row soon. A later write with the same key replaces one that waits. */
  add(key: number, write: () => Promise<void>): void {
    this.#waiting.set(key, write);
    this.stored().catch(this.#failed);
  }

  /** Resolves when no row waits. @throws the error of a write; what waits is tried again by the next call */
  stored(): Promise<void> {
    if (this.#waiting.size > 0) this.#writing ??= this.#writeAll();
    return this.#writing ?? Promise.resolve();
  }

  async #writeAll(): Promise<void> {
    await undefined; // so that a write that throws at once ends what is in `#writing` by then
    try {
      for (let [next] = this.#waiting; next; [next] = this.#waiting) {
        const [key, write] = next;
        await write();
        if (this.#waiting.get(key) === write) this.#waiting.delete(key);
      }
    } finally {
      this.#writing = undefined;
    }
  }
}
