/**
 * The event bus of the processes of one server: the supervisor numbers the events of all processes, so that
 * each has the same ring, and a client that comes back to any of them continues where it was.
 * In: events, the link to the supervisor. Out: EventBus. docs/decisions/0093.
 */
import type { EventData, EventType, OxbowEvent } from '../../api/events.ts';
import { printRfc3339 } from '../../api/instant.ts';
import type { Clock } from '../../lib/clock.ts';
import { audienceOf, type EventBus, type EventSubject, type Subscriber, type Subscription } from '../bus/event-bus.ts';
import { type EventPosition, EventRing, type EventRingOptions } from '../bus/event-ring.ts';
import type { EventCounters } from '../bus/local-event-bus.ts';
import type { NumberedEvent, ProcessLink } from './process-link.ts';

/** Dependencies of the bus. */
interface ProcessBusOptions extends Omit<EventRingOptions, 'counters'> {
  readonly link: Pick<ProcessLink, 'publish' | 'event' | 'closed'>;
  /** Name of this process. */
  readonly process: string;
  /** The newest event when this process started. */
  readonly position: EventPosition;
  readonly clock: Clock;
  /** `traceparent` of the current span, for effects of events. */
  readonly traceparent?: () => string | undefined;
  readonly counters?: EventCounters;
}

/** Follows the events of all processes until it is disposed. */
export class ProcessEventBus implements EventBus, Disposable {
  readonly #options: ProcessBusOptions;
  readonly #ring: EventRing;
  readonly #unsubscribe: () => void;
  /** Events of this process that the supervisor has not numbered yet. */
  #waiting = 0;
  #arrived = Promise.withResolvers<void>();
  /** Without a supervisor nothing arrives any more, and this process ends. */
  #isAlone = false;

  constructor(options: ProcessBusOptions) {
    this.#options = options;
    this.#ring = new EventRing(options, options.position);
    this.#arrived.resolve();
    void options.link.closed.then(() => {
      this.#isAlone = true;
      this.#arrived.resolve();
    });
    this.#unsubscribe = options.link.event.subscribe((event) => this.#receive(event));
  }

  publish<T extends EventType>(type: T, data: EventData<T>, subject?: EventSubject): void {
    const { link, clock, traceparent, counters } = this.#options;
    if (this.#waiting === 0) this.#arrived = Promise.withResolvers();
    this.#waiting++;
    link.publish({
      type,
      at: printRfc3339(clock.nowMs()),
      stream: subject?.name ?? null,
      data,
      audience: audienceOf(type, subject),
      traceparent: traceparent?.(),
    });
    counters?.events.inc({ type });
  }

  async subscribe(subscriber: Subscriber, after?: string): Promise<Subscription> {
    return this.#ring.subscribe(subscriber, after);
  }

  async flush(): Promise<void> {
    do {
      if (!this.#isAlone) await this.#arrived.promise;
      await this.#ring.settled();
    } while (this.#waiting > 0 && !this.#isAlone); // subscribers publish too
  }

  [Symbol.dispose](): void {
    this.#unsubscribe();
  }

  #receive({ from, type, at, stream, data, audience, traceparent }: NumberedEvent): void {
    const isForeign = from !== this.#options.process;
    const event = { id: this.#ring.nextId, type, at, stream, data } as OxbowEvent;
    this.#ring.add({
      event,
      audience,
      json: JSON.stringify(event),
      ...(traceparent !== undefined && { traceparent }),
      ...(isForeign && { isForeign }),
    });
    if (isForeign || --this.#waiting > 0) return;
    this.#arrived.resolve();
  }
}
