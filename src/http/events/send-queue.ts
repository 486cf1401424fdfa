/**
 * The messages that one subscriber has not received yet.
 * In: events as JSON, shared by all subscribers. Out: one message at a time, as fast as the client takes
 * them.
 */
import type { ConnectionEvent, EventType } from '../../api/events.ts';

/** A message to one subscriber. */
export interface Message {
  readonly id: string;
  readonly type: EventType | ConnectionEvent['type'];
  readonly json: string;
}

/** A client with more than this in its queue, beyond the replay, is too slow; characters. */
const MAX_LAG = 256 * 1024;

/** A bounded queue. */
export class SendQueue {
  #messages: Message[] = [];
  #next = 0;
  #size = 0;
  #maxSize = MAX_LAG;

  /** Adds the replay; its size does not count against the limit. */
  replay(messages: readonly Message[]): void {
    for (const message of messages) this.#put(message);
    this.#maxSize = this.#size + MAX_LAG;
  }

  /** Adds a message. Returns false if the queue has grown too long. */
  add(message: Message): boolean {
    this.#put(message);
    return this.#size <= this.#maxSize;
  }

  /** Removes and returns the oldest message; undefined if the queue is empty. */
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
