/**
 * The event bus within one process.
 * In: events. Out: EventBus. A publisher only appends to a ring; subscribers receive events in a microtask
 * after it.
 */
import type { EventData, EventType, OxbowEvent } from '../../api/events.ts';
import { printRfc3339 } from '../../api/instant.ts';
import type { Clock } from '../../lib/clock.ts';
import { audienceOf, type EventBus, type EventSubject, type Subscriber, type Subscription } from './event-bus.ts';
import { EventRing, type EventRingOptions, firstPosition } from './event-ring.ts';

/** Dependencies of the bus. */
interface LocalBusOptions extends Omit<EventRingOptions, 'counters'> {
  readonly clock: Clock;
  /** `traceparent` of the current span, for effects of events. */
  readonly traceparent?: () => string | undefined;
  /** Counts events, and how often a subscriber missed some. */
  readonly counters?: EventCounters;
}

/** Counters of a bus. */
export interface EventCounters {
  readonly events: { inc(labels: { type: EventType }): void };
  readonly eventsMissed: { inc(): void };
}

export function createLocalEventBus(options: LocalBusOptions): EventBus {
  return new LocalEventBus(options);
}

class LocalEventBus implements EventBus {
  readonly #options: LocalBusOptions;
  readonly #ring: EventRing;

  constructor(options: LocalBusOptions) {
    this.#options = options;
    this.#ring = new EventRing(options, firstPosition(options.clock.nowMs()));
  }

  publish<T extends EventType>(type: T, data: EventData<T>, subject?: EventSubject): void {
    const at = printRfc3339(this.#options.clock.nowMs());
    const event = { id: this.#ring.nextId, type, at, stream: subject?.name ?? null, data } as OxbowEvent;
    const traceparent = this.#options.traceparent?.();
    this.#ring.add({
      event,
      audience: audienceOf(type, subject),
      json: JSON.stringify(event),
      ...(traceparent !== undefined && { traceparent }),
    });
    this.#options.counters?.events.inc({ type });
  }

  async subscribe(subscriber: Subscriber, after?: string): Promise<Subscription> {
    return this.#ring.subscribe(subscriber, after);
  }

  flush(): Promise<void> {
    return this.#ring.settled();
  }
}
