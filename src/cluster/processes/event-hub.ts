/**
 * Puts the events of all processes into one order, in the supervisor.
 * In: drafts of processes. Out: events, for every process.
 */
import { type EventPosition, firstPosition } from '../bus/event-ring.ts';
import type { EventDraft, NumberedEvent } from './process-link.ts';

/** A process that receives events. */
type Receiver = (event: NumberedEvent) => void;

export class EventHub {
  readonly #receivers = new Set<Receiver>();
  #position: EventPosition;

  /** @param nowMs ms since 1970 */
  constructor(nowMs: number) {
    this.#position = firstPosition(nowMs);
  }

  /** Adds a process. Returns the position from which it receives events, and a function that removes it. */
  add(receiver: Receiver): { readonly position: EventPosition; readonly remove: () => void } {
    this.#receivers.add(receiver);
    return { position: this.#position, remove: () => this.#receivers.delete(receiver) };
  }

  /** Passes an event on to every process, also to the one that has published it. */
  publish(from: string, draft: EventDraft): void {
    this.#position = { ...this.#position, last: this.#position.last + 1 };
    for (const receive of [...this.#receivers]) receive({ ...draft, from });
  }
}
