/**
 * The events of this process alone, for what it does in its own name and which must not wait for another
 * server.
 * In: the bus of a cluster, whose subscribers wait for Redis. Out: the same bus, and one that only this
 * process publishes to.
 */
import type { EventBus } from './event-bus.ts';

/**
 * A bus that also publishes to another one.
 *
 * @param bus subscribers of the result are its subscribers
 * @param own gets what is published to the result, and nothing else
 */
export function alsoTo(bus: EventBus, own: EventBus): EventBus {
  return {
    publish(type, data, subject) {
      own.publish(type, data, subject);
      bus.publish(type, data, subject);
    },
    subscribe: (subscriber, after) => bus.subscribe(subscriber, after),
    flush: () => bus.flush(),
  };
}
