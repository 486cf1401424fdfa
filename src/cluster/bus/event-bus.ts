/**
 * The contract of the event bus: carries events from the code that publishes them to every subscriber, and
 * keeps the newest for a subscriber that comes back. In: `publish`. Out: calls of each subscriber.
 * event-bus.contract.ts is the suite of its engines.
 */
import { type EventAudience, type EventData, type EventType, eventTable, type OxbowEvent } from '../../api/events.ts';
import { isAboutPast } from '../../api/past/events-about-past.ts';
import { limitsTimes, type PastRules } from '../../api/past/past-rules.ts';

/** Who may receive an event, fixed when it is published: a private event stays private. */
export type Audience = 'public' | 'unlisted' | 'private' | Exclude<EventAudience, 'stream'>;

/** An event, printed once for all subscribers. */
export interface PublishedEvent {
  /** `traceparent` of the span that published it. */
  readonly traceparent?: string | undefined;
  readonly event: OxbowEvent;
  readonly audience: Audience;
  /** The event as JSON. */
  readonly json: string;
  /** Another process of the cluster has published it. */
  readonly isForeign?: boolean;
}

/** The stream that an event is about. */
export interface EventSubject {
  readonly name: string;
  /** `public` or `unlisted`; anything else counts as `private`. */
  readonly visibility: string;
  /** The broadcaster's rules for its past; absent: none. */
  readonly past?: PastRules | undefined;
}

/** Where a subscription begins. */
export interface SubscriptionStart {
  /** Events published since `after`, oldest first. */
  readonly replay: readonly PublishedEvent[];
  /** `after` is set, and the events that follow it are no longer all known. */
  readonly reset: boolean;
  /** Id of the newest event before the first one that `event` receives. */
  readonly lastId: string;
}

/**
 * Receives events. Its methods return at once; an error is reported and affects no other subscriber.
 */
export interface Subscriber {
  /**
   * Called once, before all else. `replay` and the calls of `event` join without a hole and without a
   * repetition.
   */
  begin?(start: SubscriptionStart): void;
  event(published: PublishedEvent): void;
  /** Events were dropped before the next one: more were published than the bus keeps. */
  missed?(): void;
}

export interface Subscription {
  /** Ends it: no method of the subscriber is called any more. May be called twice. */
  close(): void;
}

/**
 * Where events are published and received. Events of one stream come to every subscriber in the order of
 * their publication, and so do all events of one process; ids sort as text in that order.
 */
export interface EventBus {
  /** Publishes an event. Never waits, never throws, and calls no subscriber: they receive it afterwards. */
  publish<T extends EventType>(type: T, data: EventData<T>, subject?: EventSubject): void;
  /**
   * Subscribes to every event from now on. Resolves after `begin`.
   *
   * @param after id of the last event that was received; undefined: none was
   */
  subscribe(subscriber: Subscriber, after?: string): Promise<Subscription>;
  /** Resolves when all that this process has published was received by the subscribers of this process. */
  flush(): Promise<void>;
}

/** How many events are kept for subscribers that come back, and for those that have not received them yet. */
export interface BusLimits {
  readonly maxEvents: number;
  /** Characters of JSON. */
  readonly maxBytes: number;
}

/**
 * The audience of an event, by its type and its stream. Other nodes do not have the rules for the past of the
 * stream, so they are decided about here.
 */
export function audienceOf(type: EventType, subject: EventSubject | undefined): Audience {
  const { audience } = eventTable[type];
  if (audience !== 'stream') return audience;
  if (isAboutPast(type) && limitsTimes(subject?.past ?? {})) return 'admin';
  const visibility = subject?.visibility;
  return visibility === 'public' || visibility === 'unlisted' ? visibility : 'private';
}
