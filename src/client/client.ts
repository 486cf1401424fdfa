/**
 * The typed client of oxbow's API: published as `oxbow/client`, and used by the web interface.
 * In: the server's address. Out: a method for each operation, and events.
 */

import { type EventFilter, listen } from './events.ts';
import type { ConnectionEvent, EventType, OxbowEvent } from './made/event-shapes.ts';
import { Operations } from './made/operations.ts';
import { type PastEvents, type PastFilter, readPastEvents } from './past-events.ts';
import { type CallOptions, type ClientOptions, createRequester } from './request.ts';

export type { EventFilter } from './events.ts';
export type * from './made/event-shapes.ts';
export type * from './made/shapes.ts';
export type { PastEvents, PastFilter } from './past-events.ts';
export { OxbowProblem, type Problem } from './problem.ts';
export type { CallOptions, ClientOptions } from './request.ts';

/** A client of one server. It keeps no connection open: there is nothing to close. */
export class OxbowClient extends Operations {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions = {}) {
    super(createRequester(options));
    this.#options = options;
  }

  /**
   * Events as they happen, until `signal` aborts or the loop ends. Reconnects by itself.
   *
   * @throws OxbowProblem if the server refuses
   */
  events<T extends EventType = EventType>(
    filter: EventFilter<T> = {},
  ): AsyncGenerator<OxbowEvent<T> | ConnectionEvent, void> {
    return listen(this.#options, filter);
  }

  /**
   * A page of past events, oldest first. `next` of the answer is `since` of the next call.
   *
   * @throws OxbowProblem `events-gone` if events since then are deleted: read the state again, and continue
   *   with `oldest` of the problem
   */
  pastEvents<T extends EventType = EventType>(filter: PastFilter<T>, options?: CallOptions): Promise<PastEvents<T>> {
    return readPastEvents(createRequester(this.#options), filter, options);
  }
}
