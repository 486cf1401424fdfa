/**
 * A bounded ring of the newest events, and each subscriber's position in it.
 * In: events in their order. Out: calls of subscribers, in a microtask after an event was added.
 */
import type { BusLimits, PublishedEvent, Subscriber, Subscription } from './event-bus.ts';

const LIMITS: BusLimits = { maxEvents: 2000, maxBytes: 4 * 1024 * 1024 };
/** Digits of base 36: boots until the year 5188, 78 thousand million events each. */
const BOOT_DIGITS = 9;
const NUMBER_DIGITS = 7;

/** Dependencies of the ring. */
export interface EventRingOptions {
  /** Receives errors of subscribers. */
  readonly failed: (error: unknown) => void;
  readonly limits?: BusLimits | undefined;
  /** Counts how often a subscriber missed events. */
  readonly counters?: { readonly eventsMissed: { inc(): void } } | undefined;
}

/** Where the numbers of events begin. */
export interface EventPosition {
  /** When they began, ms since 1970 in base 36, of one length. */
  readonly boot: string;
  /** Number of the newest event. */
  readonly last: number;
}

/** The position of a bus that begins now. */
export function firstPosition(nowMs: number): EventPosition {
  return { boot: Math.floor(nowMs).toString(36).padStart(BOOT_DIGITS, '0'), last: 0 };
}

/** The id of an event: `boot-number`, both in base 36 and of one length, so that ids sort as text. */
export function eventId(boot: string, number: number): string {
  return `${boot}-${number.toString(36).padStart(NUMBER_DIGITS, '0')}`;
}

/** A subscriber and the number of the last event that it received. */
interface Reader {
  readonly subscriber: Subscriber;
  at: number;
}

export class EventRing {
  readonly #options: EventRingOptions;
  readonly #limits: BusLimits;
  readonly #boot: string;
  readonly #readers = new Set<Reader>();
  /** The newest events, oldest first; those before `#first` were dropped. */
  #ring: PublishedEvent[] = [];
  #first = 0;
  #bytes = 0;
  /** Number of the newest event. */
  #last: number;
  #delivering: Promise<void> | undefined;

  constructor(options: EventRingOptions, { boot, last }: EventPosition) {
    this.#options = options;
    this.#limits = options.limits ?? LIMITS;
    this.#boot = boot;
    this.#last = last;
  }

  /** The id of the event that is added next. */
  get nextId(): string {
    return eventId(this.#boot, this.#last + 1);
  }

  /** Adds the next event. */
  add(published: PublishedEvent): void {
    this.#last++;
    this.#keep(published);
    this.#delivering ??= Promise.resolve().then(() => this.#deliver());
  }

  /** See EventBus. */
  subscribe(subscriber: Subscriber, after: string | undefined): Subscription {
    const reader: Reader = { subscriber, at: this.#last };
    const since = after === undefined ? 0 : this.#last - this.#numberOf(after);
    const reset = !(since >= 0 && since <= this.#kept);
    const replay = reset || since === 0 ? [] : this.#ring.slice(-since);
    subscriber.begin?.({ replay, reset, lastId: eventId(this.#boot, this.#last) });
    this.#readers.add(reader);
    return { close: () => void this.#readers.delete(reader) };
  }

  /** Resolves when all events were received. */
  async settled(): Promise<void> {
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
