/**
 * What one listener has not taken yet.
 * In: events as JSON, shared by all who listen. Out: one after the other, as fast as the listener takes them.
 */
import type { ConnectionEvent, EventType } from '../../api/events.ts';

/** A text on its way to one listener. */
export interface Message {
  readonly id: string;
  readonly type: EventType | ConnectionEvent['type'];
  readonly json: string;
}

/** More than this behind what was replayed at first is too slow, characters. */
const MAX_BEHIND = 256 * 1024;

/** A queue that says when its reader is too slow. */
export class SendQueue {
  #messages: Message[] = [];
  #next = 0;
  #size = 0;
  #maxSize = MAX_BEHIND;

  /** Adds what was requested to be replayed; its size does not count against the listener. */
  replay(messages: readonly Message[]): void {
    for (const message of messages) this.#put(message);
    this.#maxSize = this.#size + MAX_BEHIND;
  }

  /** Adds a message; false where the listener is too far behind. */
  add(message: Message): boolean {
    this.#put(message);
    return this.#size <= this.#maxSize;
  }

  /** The oldest message that was not taken, or undefined. */
  take(): Message | undefined {
    const message = this.#messages[this.#next];
    if (!message) return undefined;
    this.#next++;
    this.#size -= message.json.length;
    if (this.#next === this.#messages.length) {
      this.#messages = [];
      this.#next = 0;
    }
    return message;
  }

  #put(message: Message): void {
    this.#messages.push(message);
    this.#size += message.json.length;
  }
}
