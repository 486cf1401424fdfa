/**
 * The typed client of oxbow's API: published as `oxbow/client`, used by the interface.
 * In: where the server is. Out: a method for each operation, and events.
 */

import type { ConnectionEvent, EventType, OxbowEvent } from './event-shapes.ts';
import { type EventFilter, listen } from './events.ts';
import { Operations } from './operations.ts';
import { type ClientOptions, createRequester } from './request.ts';

export type * from './event-shapes.ts';
export type { EventFilter } from './events.ts';
export { OxbowProblem, type Problem } from './problem.ts';
export type { CallOptions, ClientOptions } from './request.ts';
export type * from './shapes.ts';

/** Asks one server. It holds no connection: there is nothing to close. */
export class OxbowClient extends Operations {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions = {}) {
    super(createRequester(options));
    this.#options = options;
  }

  /**
   * What happens, as it happens, until `signal` aborts or the loop is left; goes on by itself after a lost connection.
   *
   * @throws OxbowProblem where the server refuses
   */
  events<T extends EventType = EventType>(
    filter: EventFilter<T> = {},
  ): AsyncGenerator<OxbowEvent<T> | ConnectionEvent, void> {
    return listen(this.#options, filter);
  }
}
