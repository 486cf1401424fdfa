/**
 * The event bus within one process: a bounded ring of the newest events, and each subscriber's position in
 * it.
 * In: events. Out: EventBus. A publisher only appends to the ring; subscribers receive events in a microtask
 * after it.
 */
import type { EventData, EventType, OxbowEvent } from '../../api/events.ts';
import { printRfc3339 } from '../../api/instant.ts';
import type { Clock } from '../../lib/clock.ts';
import {
  audienceOf,
  type BusLimits,
  type EventBus,
  type EventSubject,
  type PublishedEvent,
  type Subscriber,
  type Subscription,
} from './event-bus.ts';

const LIMITS: BusLimits = { maxEvents: 2000, maxBytes: 4 * 1024 * 1024 };
/** Digits of base 36: boots until the year 5188, 78 thousand million events each. */
const BOOT_DIGITS = 9;
const NUMBER_DIGITS = 7;

/** Dependencies of the bus. */
interface LocalBusOptions {
  readonly clock: Clock;
  /** Receives errors of subscribers. */
  readonly failed: (error: unknown) => void;
  readonly limits?: BusLimits;
  /** `traceparent` of the current span, for effects of events. */
  readonly traceparent?: () => string | undefined;
  /** Counts events, and how often a subscriber missed some. */
  readonly counters?: {
    readonly events: { inc(labels: { type: EventType }): void };
    readonly eventsMissed: { inc(): void };
  };
}

/** Creates the bus. Ids are `boot-number`, both in base 36 and of one length, so that they sort as text. */
export function createLocalEventBus(options: LocalBusOptions): EventBus {
  return new LocalEventBus(options);
}

/** A subscriber and the number of the last event that it received. */
interface Reader {
  readonly subscriber: Subscriber;
  at: number;
}

class LocalEventBus implements EventBus {
  readonly #options: LocalBusOptions;
  readonly #limits: BusLimits;
  readonly #boot: string;
  readonly #readers = new Set<Reader>();
  /** The newest events, oldest first; those before `#first` were dropped. */
  #ring: PublishedEvent[] = [];
  #first = 0;
  #bytes = 0;
  /** Number of the newest event. */
  #last = 0;
  #delivering: Promise<void> | undefined;

  constructor(options: LocalBusOptions) {
    this.#options = options;
    this.#limits = options.limits ?? LIMITS;
    this.#boot = Math.floor(options.clock.nowMs()).toString(36).padStart(BOOT_DIGITS, '0');
  }

  publish<T extends EventType>(type: T, data: EventData<T>, subject?: EventSubject): void {
    const id = this.#idOf(++this.#last);
    const at = printRfc3339(this.#options.clock.nowMs());
    const event = { id, type, at, stream: subject?.name ?? null, data } as OxbowEvent;
    const traceparent = this.#options.traceparent?.();
    this.#keep({
      event,
      audience: audienceOf(type, subject),
      json: JSON.stringify(event),
      ...(traceparent !== undefined && { traceparent }),
    });
    this.#options.counters?.events.inc({ type });
    this.#delivering ??= Promise.resolve().then(() => this.#deliver());
  }

  async subscribe(subscriber: Subscriber, after?: string): Promise<Subscription> {
    const reader: Reader = { subscriber, at: this.#last };
    const since = after === undefined ? 0 : this.#last - this.#numberOf(after);
    const reset = !(since >= 0 && since <= this.#kept);
    const replay = reset || since === 0 ? [] : this.#ring.slice(-since);
    subscriber.begin?.({ replay, reset, lastId: this.#idOf(this.#last) });
    this.#readers.add(reader);
    return { close: () => void this.#readers.delete(reader) };
  }

  async flush(): Promise<void> {
    while (this.#delivering) await this.#delivering;
  }

  get #kept(): number {
    return this.#ring.length - this.#first;
  }

  #deliver(): void {
    this.#delivering = undefined;
    // Events that subscribers publish meanwhile have their own turn.
    const last = this.#last;
    for (const reader of [...this.#readers]) {
      const oldest = this.#last - this.#kept + 1;
      if (reader.at + 1 < oldest) {
        reader.at = oldest - 1;
        this.#options.counters?.eventsMissed.inc();
        this.#call(() => reader.subscriber.missed?.());
      }
      while (reader.at < last && this.#readers.has(reader)) {
        const published = this.#ring[this.#ring.length - (this.#last - reader.at)]!;
        reader.at++;
        this.#call(() => reader.subscriber.event(published));
      }
    }
  }

  #call(notify: () => void): void {
    try {
      notify();
    } catch (error) {
      this.#options.failed(error);
    }
  }

  #idOf(number: number): string {
    return `${this.#boot}-${number.toString(36).padStart(NUMBER_DIGITS, '0')}`;
  }

  /** The number of an event of this boot; NaN for any other id. */
  #numberOf(id: string): number {
    const [, boot, number] = /^([0-9a-z]+)-([0-9a-z]{1,10})$/.exec(id) ?? [];
    return boot === this.#boot && number !== undefined ? Number.parseInt(number, 36) : Number.NaN;
  }

  #keep(published: PublishedEvent): void {
    this.#ring.push(published);
    this.#bytes += published.json.length;
    const { maxEvents, maxBytes } = this.#limits;
    while (this.#kept > maxEvents || this.#bytes > maxBytes) {
      this.#bytes -= this.#ring[this.#first]!.json.length;
      this.#first++;
    }
    // Dropped events are released in one piece, not one by one.
    if (this.#first < maxEvents) return;
    this.#ring = this.#ring.slice(this.#first);
    this.#first = 0;
  }
}
