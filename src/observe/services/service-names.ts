/**
 * The services outside of the process that oxbow calls through a circuit breaker.
 * In: nothing. Out: their names, as metrics, events, log lines and the health check show them.
 * scripts/check-connections.ts checks that each is opened and documented.
 */

/** Services with one address in the settings. */
export const serviceNames = ['auth', 'mail', 'nats', 'postgresql', 'rabbitmq', 'redis'] as const;

/** A service; `storage:NAME`: reads from an object store of the settings; `postgresql:NAME`: a shard. */
export type ServiceName = (typeof serviceNames)[number] | `storage:${string}` | `postgresql:${string}`;
