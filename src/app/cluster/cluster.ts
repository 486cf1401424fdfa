/**
 * Opens what the nodes of a cluster share: Redis, with leases and the event bus, or NATS, with the event bus.
 * In: the context, NATS if it is set. Out: Cluster; undefined without one.
 */

import { createShadowLeases, openShadowBus, type ShadowResult } from '../../cluster/bus/shadow.ts';
import { createAvailableLeases } from '../../cluster/lease/available-leases.ts';
import type { Nats } from '../../cluster/nats/nats.ts';
import { ProcessEventBus } from '../../cluster/processes/process-event-bus.ts';
import type { AppContext, Cluster, ServerProcess } from '../../features/core.ts';
import { sleep } from '../../lib/abort.ts';
import { messageOf, OxbowError } from '../../lib/errors.ts';
import { redact } from '../../observe/redact.ts';
import { currentTraceparent } from '../../observe/traces/current-span.ts';

/** Longest wait for a reply of Redis, ms. */
const REPLY_MS = 2000;
/** Longest wait for the first connection, ms; then oxbow starts without it. */
const FIRST_MS = 3000;

/**
 * Connects to Redis, unless there is NATS. Its library is loaded only in a cluster.
 *
 * @throws OxbowError `bad-setting` without `redis.url` and `nats.url`
 */
export async function openCluster(app: AppContext, nats: Nats | undefined): Promise<Cluster | undefined> {
  if (app.process) return clusterOfProcesses(app, app.process);
  const { config, opened, clock, log, metrics, services, failed } = app;
  const { cluster } = config;
  if (!cluster.enabled) return undefined;
  if (nats) return clusterOverNats(app, nats);
  const { url, prefix, replicas, ...address } = config.redis;
  if (url === undefined) throw new OxbowError('bad-setting', '`cluster.enabled` needs `redis.url` or `nats.url`.');
  const [{ isRedisFailure, openRedis }, { createRedisLeases }, { openRedisEventBus }] = await Promise.all([
    import('../../cluster/redis/redis.ts'),
    import('../../cluster/lease/redis-leases.ts'),
    import('../../cluster/bus/redis-event-bus.ts'),
  ]);
  const first = Promise.withResolvers<void>();
  const breaker = opened.use(
    await services.open({ service: 'redis', timeoutMs: REPLY_MS, failures: 3, isFailure: isRedisFailure }),
  );
  const redis = opened.use(
    openRedis({
      ...address,
      url,
      breaker,
      timeoutMs: REPLY_MS,
      onConnected(isConnected, reason) {
        if (isConnected) {
          first.resolve();
          log.info({ keys: `${prefix}:` }, 'the cluster is connected over Redis');
        } else log.warn({ reason: redact(messageOf(reason)) }, 'the connection to Redis has ended');
      },
    }),
  );
  const late = new AbortController();
  await Promise.race([first.promise, sleep(FIRST_MS, late).catch(() => undefined)]); // aborted
  late.abort();
  const count = (part: 'leases' | 'events') => (result: ShadowResult) => metrics.clusterShadow.inc({ part, result });
  return {
    leases(local) {
      if (!cluster.redis.enabled) return local;
      const store = createRedisLeases({ redis, prefix, replicas });
      if (cluster.shadow) return createShadowLeases(local, store, count('leases'));
      return createAvailableLeases({ store, clock, unconfirmed: () => metrics.leasesUnconfirmed.inc() });
    },
    async bus(local) {
      if (!cluster.pubsub.enabled) return local;
      const counters = cluster.shadow ? undefined : metrics;
      const bus = opened.use(
        openRedisEventBus({
          redis,
          prefix,
          clock,
          failed: failed('a subscriber to events'),
          ...(counters && { counters }),
        }),
      );
      opened.defer(metrics.beforeScrape(() => metrics.eventsWaiting.set(bus.waiting)));
      return cluster.shadow ? opened.use(await openShadowBus(local, bus, count('events'))) : bus;
    },
  };
}

/**
 * Events of all nodes. The leases of publishers stay in each node: the owner of a stream has its publishers.
 */
function clusterOverNats({ config, opened, clock, metrics, failed }: AppContext, nats: Nats): Cluster {
  const { cluster, nats: settings } = config;
  const { prefix, maxAge, maxBytes, replicas } = settings;
  return {
    leases: (local) => local,
    async bus(local) {
      if (!cluster.pubsub.enabled) return local;
      const { openNatsEventBus } = await import('../../cluster/bus/nats-event-bus.ts');
      const bus = opened.use(
        openNatsEventBus({
          nats,
          prefix,
          maxAgeMs: maxAge,
          maxBytes,
          replicas,
          clock,
          failed: failed('a subscriber to events'),
          ...(!cluster.shadow && { counters: metrics }),
        }),
      );
      opened.defer(metrics.beforeScrape(() => metrics.eventsWaiting.set(bus.waiting)));
      const count = (result: ShadowResult) => metrics.clusterShadow.inc({ part: 'events', result });
      return cluster.shadow ? opened.use(await openShadowBus(local, bus, count)) : bus;
    },
  };
}

/** What the processes of a server share: events, through the supervisor. Each stream has one process. */
function clusterOfProcesses({ opened, clock, metrics, failed }: AppContext, { link }: ServerProcess): Cluster {
  return {
    leases: (local) => local,
    bus: async () =>
      opened.use(
        new ProcessEventBus({
          link,
          process: link.start.name,
          position: link.start.events,
          clock,
          traceparent: currentTraceparent,
          failed: failed('a subscriber to events'),
          counters: metrics,
        }),
      ),
  };
}
