/**
 * Carries events from whoever notices something to whoever listens, and keeps the newest for those who come back.
 * In: `publish`. Out: a call of each listener, in one order for all. The contract, and its implementation within one process.
 */
import { type EventAudience, type EventData, type EventType, eventTable, type OxbowEvent } from '../api/events.ts';
import { printRfc3339 } from '../api/instant.ts';
import type { Clock } from '../lib/clock.ts';

/** Who may hear an event, fixed when it is told: what was private then stays so. */
export type Audience = 'public' | 'unlisted' | 'private' | Exclude<EventAudience, 'stream'>;

/** An event on its way, written once for all who listen. */
export interface Told {
  readonly event: OxbowEvent;
  readonly audience: Audience;
  /** The event as JSON. */
  readonly json: string;
}

/** The stream that an event is about. */
export interface EventSubject {
  readonly name: string;
  /** `public` or `unlisted`; whatever else it is counts as `private`. */
  readonly visibility: string;
}

/** What begins when somebody listens. */
export interface Listening {
  /** What was told since `after`, oldest first. */
  readonly replay: readonly Told[];
  /** `after` was given, and what lies behind it is not known any more. */
  readonly reset: boolean;
  /** Ends it; may be called twice. */
  close(): void;
}

/** Where events are told and heard. */
export interface EventBus {
  /** Tells an event; never waits, never throws. */
  publish<T extends EventType>(type: T, data: EventData<T>, subject?: EventSubject): void;
  /**
   * Hears every event from now on.
   *
   * @param after id of the last event that was heard; undefined: none was
   */
  listen(listener: (told: Told) => void, after?: string): Listening;
  /** Id of the newest event. */
  readonly lastId: string;
}

/** How much of the past is kept. */
export interface BusLimits {
  readonly maxEvents: number;
  /** Of JSON. */
  readonly maxBytes: number;
}

const LIMITS: BusLimits = { maxEvents: 2000, maxBytes: 4 * 1024 * 1024 };
/** Digits of base 36: boots until the year 5188, 78 thousand million events each. */
const BOOT_DIGITS = 9;
const NUMBER_DIGITS = 7;

/**
 * Makes the bus of one process. Ids are `boot-number`, both in base 36 and of one length, so that they sort as text.
 *
 * @param failed told what a listener threw
 */
export function createBus(clock: Clock, failed: (error: unknown) => void, limits: BusLimits = LIMITS): EventBus {
  return new ProcessBus(clock, failed, limits);
}

class ProcessBus implements EventBus {
  readonly #clock: Clock;
  readonly #failed: (error: unknown) => void;
  readonly #limits: BusLimits;
  readonly #boot: string;
  readonly #listeners = new Set<(told: Told) => void>();
  /** The newest events, oldest first; what lies before `#first` has been forgotten. */
  #ring: Told[] = [];
  #first = 0;
  #bytes = 0;
  #last = 0;

  constructor(clock: Clock, failed: (error: unknown) => void, limits: BusLimits) {
    this.#clock = clock;
    this.#failed = failed;
    this.#limits = limits;
    this.#boot = Math.floor(clock.nowMs()).toString(36).padStart(BOOT_DIGITS, '0');
  }

  get lastId(): string {
    return this.#idOf(this.#last);
  }

  publish<T extends EventType>(type: T, data: EventData<T>, subject?: EventSubject): void {
    const id = this.#idOf(++this.#last);
    const at = printRfc3339(this.#clock.nowMs());
    const event = { id, type, at, stream: subject?.name ?? null, data } as OxbowEvent;
    const told = { event, audience: audienceOf(type, subject), json: JSON.stringify(event) };
    this.#keep(told);
    // A copy: whoever comes while this is told has it in the replay already.
    for (const listener of [...this.#listeners]) {
      try {
        listener(told);
      } catch (error) {
        this.#failed(error);
      }
    }
  }

  listen(listener: (told: Told) => void, after?: string): Listening {
    // A box of its own: the same function may listen twice.
    const own = (told: Told) => listener(told);
    this.#listeners.add(own);
    const close = () => void this.#listeners.delete(own);
    if (after === undefined) return { replay: [], reset: false, close };
    const kept = this.#ring.length - this.#first;
    const since = this.#last - this.#numberOf(after);
    if (!(since >= 0 && since <= kept)) return { replay: [], reset: true, close };
    return { replay: this.#ring.slice(this.#ring.length - since), reset: false, close };
  }

  #idOf(number: number): string {
    return `${this.#boot}-${number.toString(36).padStart(NUMBER_DIGITS, '0')}`;
  }

  /** The number of an event of this boot; NaN for any other id. */
  #numberOf(id: string): number {
    const [, boot, number] = /^([0-9a-z]+)-([0-9a-z]{1,10})$/.exec(id) ?? [];
    return boot === this.#boot && number !== undefined ? Number.parseInt(number, 36) : Number.NaN;
  }

  #keep(told: Told): void {
    this.#ring.push(told);
    this.#bytes += told.json.length;
    const { maxEvents, maxBytes } = this.#limits;
    while (this.#ring.length - this.#first > maxEvents || this.#bytes > maxBytes) {
      this.#bytes -= this.#ring[this.#first]!.json.length;
      this.#first++;
    }
    // What was forgotten is let go of in one piece, not event by event.
    if (this.#first < maxEvents) return;
    this.#ring = this.#ring.slice(this.#first);
    this.#first = 0;
  }
}

function audienceOf(type: EventType, subject: EventSubject | undefined): Audience {
  const { audience } = eventTable[type];
  if (audience !== 'stream') return audience;
  const visibility = subject?.visibility;
  return visibility === 'public' || visibility === 'unlisted' ? visibility : 'private';
}
