/**
 * The subscribers to events over HTTP, by SSE and WebSocket.
 * In: a filter and a subscriber. Out: messages in a send queue. Ends a connection when oxbow stops, the
 * permission ends, or the client is too slow.
 */
import type { ConnectionEvent } from '../../api/events.ts';
import { printRfc3339 } from '../../api/instant.ts';
import type { PublishedEvent, Subscriber, SubscriptionStart } from '../../cluster/bus/event-bus.ts';
import { messageOf, OxbowError } from '../../lib/errors.ts';
import type { HttpDeps } from '../deps.ts';
import { type EndOfPermission, type EventFilter, type EventSubscriber, factsOf, matches } from './event-filter.ts';
import { type Message, SendQueue } from './send-queue.ts';

/** Most subscribers at once. Administrators are always admitted. */
const MAX_LISTENERS = 1000;
/** Most subscribers from one address: enough for an office with one public address. */
const MAX_PER_ADDRESS = 200;
/** Interval of heartbeats on idle connections, ms. */
export const HEARTBEAT_MS = 15_000;
/**
 * Interval at which permissions are checked while no event is sent, ms. They are also checked before each
 * event.
 */
const PERMISSION_CHECK_MS = 1000;

/** Why the server ends a subscription. */
export type EndReason = 'ending' | 'too-slow' | EndOfPermission;

/** The connection to one subscriber. */
interface EventConnection {
  /** Sends the queue, as far as the client takes it. */
  readonly flush: () => void;
  /** Sends a heartbeat. */
  readonly heartbeat: () => void;
  /** Ends the connection. The queue may be sent first. */
  readonly end: (reason: EndReason) => void;
}

type ListenerDeps = Pick<HttpDeps, 'events' | 'streams' | 'clock' | 'metrics' | 'log'>;

/** All subscribers of this process. */
export class EventListeners {
  readonly #deps: ListenerDeps;
  /** Each with the function that ends it if its permission has ended. */
  readonly #connections = new Map<EventConnection, () => boolean>();
  readonly #byAddress = new Map<string, number>();
  #heartbeat: NodeJS.Timeout | undefined;
  #permissionCheck: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(deps: ListenerDeps) {
    this.#deps = deps;
  }

  /**
   * Adds a subscriber. Its first message says whether events are missing after `filter.after`; the replayed
   * events follow.
   *
   * @param connect opens the connection to the client
   * @returns unsubscribes; may be called twice
   * @throws OxbowError `busy` if there are too many subscribers, `not-ready` while oxbow stops
   */
  add(filter: EventFilter, subscriber: EventSubscriber, connect: (queue: SendQueue) => EventConnection): () => void {
    if (this.#isClosed) throw new OxbowError('not-ready', 'oxbow is stopping.', { extra: { retryAfterSeconds: 5 } });
    const ofAddress = this.#byAddress.get(subscriber.owner) ?? 0;
    if (!subscriber.isAdmin) {
      if (this.#connections.size >= MAX_LISTENERS) throw busy(`The server has ${MAX_LISTENERS} event subscribers.`);
      if (ofAddress >= MAX_PER_ADDRESS) throw busy(`This address has ${MAX_PER_ADDRESS} event subscribers.`);
    }
    const { events, streams, metrics, log } = this.#deps;
    const facts = factsOf(streams);
    const isWanted = (published: PublishedEvent) => matches(published, filter, subscriber, facts);
    const queue = new SendQueue();
    const connection = connect(queue);
    const cutOff = () => {
      metrics.eventListenersLost.inc();
      connection.end('too-slow');
      unsubscribe();
    };
    let isUnsubscribed = false;
    let close = () => {};
    const busSubscriber: Subscriber = {
      begin: ({ replay, reset, lastId }: SubscriptionStart) => {
        const missed = replay.filter(isWanted).map(toMessage);
        queue.replay([this.#firstMessage(reset, missed.length, lastId), ...missed]);
        if (!isUnsubscribed) connection.flush();
      },
      event(published: PublishedEvent) {
        if (isUnsubscribed || !isWanted(published) || endIfForbidden()) return;
        if (queue.add(toMessage(published))) connection.flush();
        else cutOff();
      },
      // The client reconnects with the last id it received, and then receives events.reset.
      missed: cutOff,
    };
    const endIfForbidden = () => {
      const reason = subscriber.ended();
      if (reason === undefined) return false;
      queue.add(this.#lastMessage(reason));
      connection.flush();
      connection.end(reason);
      unsubscribe();
      return true;
    };
    const unsubscribe = () => {
      isUnsubscribed = true;
      close();
      if (!this.#connections.delete(connection)) return;
      const left = this.#byAddress.get(subscriber.owner)! - 1;
      if (left > 0) this.#byAddress.set(subscriber.owner, left);
      else this.#byAddress.delete(subscriber.owner);
      metrics.eventListeners.set(this.#connections.size);
      if (this.#connections.size === 0) this.#stopTimers();
    };
    this.#connections.set(connection, endIfForbidden);
    this.#byAddress.set(subscriber.owner, ofAddress + 1);
    metrics.eventListeners.set(this.#connections.size);
    this.#heartbeat ??= setInterval(() => {
      for (const each of [...this.#connections.keys()]) each.heartbeat();
    }, HEARTBEAT_MS);
    this.#permissionCheck ??= setInterval(() => {
      for (const check of [...this.#connections.values()]) check();
    }, PERMISSION_CHECK_MS);
    events.subscribe(busSubscriber, filter.after).then(
      (subscription) => {
        if (isUnsubscribed) subscription.close();
        else close = () => subscription.close();
      },
      (error: unknown) => {
        log.error({ error: messageOf(error) }, 'subscribing to events failed');
        connection.end('ending');
        unsubscribe();
      },
    );
    return unsubscribe;
  }

  /** Ends all subscriptions and accepts no more. May be called twice. */
  close(): void {
    this.#isClosed = true;
    for (const connection of [...this.#connections.keys()]) connection.end('ending');
    this.#stopTimers();
  }

  #stopTimers(): void {
    clearInterval(this.#heartbeat);
    clearInterval(this.#permissionCheck);
    this.#heartbeat = undefined;
    this.#permissionCheck = undefined;
  }

  #firstMessage(reset: boolean, replayed: number, lastId: string): Message {
    const { clock } = this.#deps;
    const type = reset ? 'events.reset' : 'events.ready';
    const at = printRfc3339(clock.nowMs());
    // With a replay it has no id: a client whose connection breaks during the replay continues from the last
    // event it received.
    const id = replayed > 0 ? '' : lastId;
    const event: ConnectionEvent = { id, type, at, stream: null, data: { replayed } };
    return { id, type, json: JSON.stringify(event) };
  }

  /** Without an id, so that a client that reconnects continues from the last event it received. */
  #lastMessage(code: EndOfPermission): Message {
    const at = printRfc3339(this.#deps.clock.nowMs());
    const event: ConnectionEvent = { id: '', type: 'events.ended', at, stream: null, data: { code } };
    return { id: '', type: event.type, json: JSON.stringify(event) };
  }
}

function busy(detail: string): OxbowError {
  return new OxbowError('busy', detail, { extra: { retryAfterSeconds: 30 } });
}

function toMessage({ event: { id, type }, json }: PublishedEvent): Message {
  return { id, type, json };
}
