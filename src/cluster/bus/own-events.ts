/**
 * The events of only this process, for its actions that must not wait for another server.
 * In: the bus of a cluster, whose subscribers wait for Redis or NATS. Out: the same bus, and one that only
 * this process publishes to.
 */
import type { EventBus } from './event-bus.ts';

/**
 * A bus that also publishes to another one.
 *
 * @param bus subscribers of the result are its subscribers
 * @param localBus gets only the events that are published to the result
 */
export function alsoTo(bus: EventBus, localBus: EventBus): EventBus {
  return {
    publish(type, data, subject) {
      localBus.publish(type, data, subject);
      bus.publish(type, data, subject);
    },
    subscribe: (subscriber, after) => bus.subscribe(subscriber, after),
    flush: () => bus.flush(),
  };
}
