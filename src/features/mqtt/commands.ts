/**
 * Commands for the recordings of streams, one after the other: each is a line of the audit log and a change
 * in the database, and clients of an MQTT server send as many as they like.
 * In: commands. Out: calls, of each stream for the newest command.
 */

/** The commands of one MQTT server. */
export class Commands {
  readonly #obey: (stream: string, isRecorded: boolean) => Promise<void>;
  /** By stream: at most one for each that there is. */
  readonly #waiting = new Map<string, boolean>();
  #isRunning = false;

  /** @param obey may reject: the commands of other streams wait for the next call of `take` then */
  constructor(obey: (stream: string, isRecorded: boolean) => Promise<void>) {
    this.#obey = obey;
  }

  /** Takes the place of a command that waits. Resolves at once while others are done. */
  async take(stream: string, isRecorded: boolean): Promise<void> {
    this.#waiting.set(stream, isRecorded);
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      for (const [name, is] of this.#waiting) {
        this.#waiting.delete(name);
        await this.#obey(name, is);
      }
    } finally {
      this.#isRunning = false;
    }
  }
}
