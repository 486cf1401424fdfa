/**
 * What one listener has not taken yet.
 * In: events as JSON, shared by all who listen. Out: one after the other, as fast as the listener takes them.
 */
import type { ConnectionEvent, EventType } from '../../api/events.ts';

/** A text on its way to one listener. */
export interface Letter {
  readonly id: string;
  readonly type: EventType | ConnectionEvent['type'];
  readonly json: string;
}

/** More than this behind what was replayed at first is too slow, characters. */
const MAX_BEHIND = 256 * 1024;

/** A queue that says when its reader is too slow. */
export class Outbox {
  #letters: Letter[] = [];
  #next = 0;
  #size = 0;
  #maxSize = MAX_BEHIND;

  /** Adds what was requested to be replayed; its size does not count against the listener. */
  replay(letters: readonly Letter[]): void {
    for (const letter of letters) this.#put(letter);
    this.#maxSize = this.#size + MAX_BEHIND;
  }

  /** Adds a letter; false where the listener is too far behind. */
  add(letter: Letter): boolean {
    this.#put(letter);
    return this.#size <= this.#maxSize;
  }

  /** The oldest letter that was not taken, or undefined. */
  take(): Letter | undefined {
    const letter = this.#letters[this.#next];
    if (!letter) return undefined;
    this.#next++;
    this.#size -= letter.json.length;
    if (this.#next === this.#letters.length) {
      this.#letters = [];
      this.#next = 0;
    }
    return letter;
  }

  #put(letter: Letter): void {
    this.#letters.push(letter);
    this.#size += letter.json.length;
  }
}
