/**
 * Everyone who listens to events over HTTP, whichever way the events go to them.
 * In: a filter and who asks. Out: messages in an queue, a call when there are some; an end when oxbow ends, the right does, or the listener is too slow.
 */
import type { ConnectionEvent } from '../../api/events.ts';
import { printRfc3339 } from '../../api/instant.ts';
import type { PublishedEvent, SubscriptionStart } from '../../cluster/event-bus.ts';
import { messageOf, OxbowError } from '../../lib/errors.ts';
import type { HttpDeps } from '../deps.ts';
import { type EndOfRight, type EventFilter, type EventSubscriber, matches } from './event-filter.ts';
import { type Message, SendQueue } from './send-queue.ts';

/** So many may listen at once; administrators always may. */
const MAX_LISTENERS = 1000;
/** Of them from one address; an office of viewers behind one address is still let in. */
const MAX_PER_ADDRESS = 200;
/** A line that says nothing this long gets a sign of life, ms. */
const BEAT_MS = 15_000;
/** Rights that ended are noticed within this where nothing is told, ms; before an event is told they are looked at anyway. */
const LOOK_MS = 1000;

/** Why a listener is told no more. */
export type EndOfListening = 'ending' | 'too-slow' | EndOfRight;

/** The way to one listener. */
export interface Line {
  /** There is something in the queue. */
  readonly ring: () => void;
  /** Nothing was sent for a while. */
  readonly beat: () => void;
  /** What is in the queue by then may be told first. */
  readonly end: (why: EndOfListening) => void;
}

type ListenerDeps = Pick<HttpDeps, 'events' | 'streams' | 'clock' | 'metrics' | 'log'>;

/** All who listen. */
export class EventListeners {
  readonly #deps: ListenerDeps;
  /** Each with what ends it where its right has ended. */
  readonly #lines = new Map<Line, () => boolean>();
  readonly #byAddress = new Map<string, number>();
  #beating: NodeJS.Timeout | undefined;
  #looking: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(deps: ListenerDeps) {
    this.#deps = deps;
  }

  /**
   * Lets somebody listen. The first message says whether what was asked for is whole; what is replayed follows.
   *
   * @param connect makes the way to the listener
   * @returns ends the listening; may be called twice
   * @throws OxbowError `busy` where too many listen, `not-ready` when oxbow ends
   */
  add(filter: EventFilter, subscriber: EventSubscriber, connect: (queue: SendQueue) => Line): () => void {
    if (this.#isClosed) throw new OxbowError('not-ready', 'oxbow is ending.', { extra: { retryAfterSeconds: 5 } });
    if (!subscriber.isAdmin && this.#lines.size >= MAX_LISTENERS) {
      throw new OxbowError('busy', `${MAX_LISTENERS} listen already.`, { extra: { retryAfterSeconds: 30 } });
    }
    const ofAddress = this.#byAddress.get(subscriber.owner) ?? 0;
    if (!subscriber.isAdmin && ofAddress >= MAX_PER_ADDRESS) {
      throw new OxbowError('busy', `${MAX_PER_ADDRESS} listen from this address already.`, {
        extra: { retryAfterSeconds: 30 },
      });
    }
    const { events, streams, metrics, log } = this.#deps;
    const mayHear = (published: PublishedEvent) =>
      matches(published, filter, subscriber, (name) => streams.isPrivate(name));
    const queue = new SendQueue();
    const line = connect(queue);
    const cutOff = () => {
      metrics.eventListenersLost.inc();
      line.end('too-slow');
      leave();
    };
    let hasLeft = false;
    let close = () => {};
    const busSubscriber = {
      begin: ({ replay, reset, lastId }: SubscriptionStart) => {
        const missed = replay.filter(mayHear).map(toMessage);
        queue.replay([this.#greeting(reset, missed.length, lastId), ...missed]);
        if (!hasLeft) line.ring();
      },
      event(published: PublishedEvent) {
        if (hasLeft || !mayHear(published) || isOver()) return;
        if (queue.add(toMessage(published))) line.ring();
        else cutOff();
      },
      // Its client comes back with the last id it received, and is notified of the hole then.
      missed: cutOff,
    };
    const isOver = () => {
      const why = subscriber.ended();
      if (why === undefined) return false;
      queue.add(this.#farewell(why));
      line.ring();
      line.end(why);
      leave();
      return true;
    };
    const leave = () => {
      hasLeft = true;
      close();
      if (!this.#lines.delete(line)) return;
      const left = this.#byAddress.get(subscriber.owner)! - 1;
      if (left > 0) this.#byAddress.set(subscriber.owner, left);
      else this.#byAddress.delete(subscriber.owner);
      metrics.eventListeners.set(this.#lines.size);
      if (this.#lines.size === 0) this.#rest();
    };
    this.#lines.set(line, isOver);
    this.#byAddress.set(subscriber.owner, (this.#byAddress.get(subscriber.owner) ?? 0) + 1);
    metrics.eventListeners.set(this.#lines.size);
    this.#beating ??= setInterval(() => {
      for (const each of [...this.#lines.keys()]) each.beat();
    }, BEAT_MS);
    this.#looking ??= setInterval(() => {
      for (const isOver of [...this.#lines.values()]) isOver();
    }, LOOK_MS);
    events.subscribe(busSubscriber, filter.after).then(
      (subscription) => {
        if (hasLeft) subscription.close();
        else close = () => subscription.close();
      },
      (error: unknown) => {
        log.error({ error: messageOf(error) }, 'subscribing to events failed');
        line.end('ending');
        leave();
      },
    );
    return leave;
  }

  /** Tells everyone that oxbow ends; nobody may listen any more. May be called twice. */
  close(): void {
    this.#isClosed = true;
    for (const line of [...this.#lines.keys()]) line.end('ending');
    this.#rest();
  }

  #rest(): void {
    clearInterval(this.#beating);
    clearInterval(this.#looking);
    this.#beating = undefined;
    this.#looking = undefined;
  }

  #greeting(reset: boolean, replayed: number, lastId: string): Message {
    const { clock } = this.#deps;
    const type = reset ? 'events.reset' : 'events.ready';
    const at = printRfc3339(clock.nowMs());
    // A line that breaks before it has brought the whole replay goes on from the last message that came.
    const id = replayed > 0 ? '' : lastId;
    const event: ConnectionEvent = { id, type, at, stream: null, data: { replayed } };
    return { id, type, json: JSON.stringify(event) };
  }

  /** Without an id: whoever comes back with another right goes on behind the last event that came. */
  #farewell(code: EndOfRight): Message {
    const at = printRfc3339(this.#deps.clock.nowMs());
    const event: ConnectionEvent = { id: '', type: 'events.ended', at, stream: null, data: { code } };
    return { id: '', type: event.type, json: JSON.stringify(event) };
  }
}

function toMessage({ event: { id, type }, json }: PublishedEvent): Message {
  return { id, type, json };
}
