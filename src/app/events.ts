/**
 * Opens the event bus and the webhooks that deliver its events.
 * In: the context, store and net. Out: EventBus, that of this process only, Webhooks; the event
 * `server.starting`.
 */
import type { EventBus } from '../cluster/bus/event-bus.ts';
import type { EventLog } from '../cluster/bus/event-log.ts';
import { createLocalEventBus } from '../cluster/bus/local-event-bus.ts';
import { alsoTo } from '../cluster/bus/own-events.ts';
import { resumeFrom } from '../cluster/bus/resuming-bus.ts';
import { withoutForeign } from '../cluster/bus/shadow.ts';
import { Leases } from '../cluster/lease/lease.ts';
import { nodeName } from '../config/sections/cluster-section.ts';
import type { AppContext, Cluster, Parts } from '../features/core.ts';
import { sleep } from '../lib/abort.ts';
import { messageOf } from '../lib/errors.ts';
import { version } from '../lib/version.ts';
import type { ServiceChange } from '../observe/services/services.ts';
import { currentTraceparent } from '../observe/traces/current-span.ts';
import type { Store } from '../store/db.ts';
import { clearEventLog, openEventLog } from '../store/event-log/event-log.ts';
import { openLeaseTable } from '../store/lease-table.ts';
import { ReplayTable } from '../webhooks/replay-table.ts';
import { WebhookTable } from '../webhooks/webhook-table.ts';
import { Webhooks } from '../webhooks/webhooks.ts';

type Needed = Pick<Parts, 'store' | 'changes' | 'net' | 'cluster'>;

/** Opens both, and the log of past events. */
export async function openEvents(
  app: AppContext,
  { store, changes, net, cluster }: Needed,
): Promise<Pick<Parts, 'bus' | 'ownEvents' | 'eventLog' | 'webhooks'>> {
  const { config, process: part, clock, metrics, telemetry, services, opened, failed } = app;
  const local = createLocalEventBus({
    traceparent: currentTraceparent,
    clock,
    failed: failed('a subscriber to events'),
    counters: metrics,
  });
  const ownEvents = cluster ? createLocalEventBus({ clock, failed: failed('a subscriber to own events') }) : local;
  const liveBus = cluster ? alsoTo(await cluster.bus(local), ownEvents) : local;
  const { eventLog, bus } = await openLog(app, liveBus, { store, cluster });
  const publish = ({ service, isFailing, detail }: ServiceChange) => {
    if (isFailing) bus.publish('service.failing', { service, detail });
    else bus.publish('service.ok', { service });
  };
  for (const change of services.failing) publish(change); // since before the bus was opened
  opened.defer(services.changed.subscribe(publish));
  const webhooks = opened.use(
    await Webhooks.open({
      table: new WebhookTable(store.db, changes),
      holder: nodeName(config),
      leases: changes && new Leases({ store: openLeaseTable(store.db, clock), clock, failed: failed('a lease') }),
      // Each node delivers what it has published itself: once in a cluster.
      bus: withoutForeign(bus),
      past: eventLog && { log: eventLog, replays: new ReplayTable(store.db) },
      net,
      clock,
      sleep,
      telemetry,
      ended: (state) => metrics.webhookDeliveries.inc({ state }),
      failed: failed('a webhook'),
    }),
  );
  if (!part || part.link.start.isFirst) bus.publish('server.starting', { version });
  return { bus, ownEvents, eventLog, webhooks };
}

/** Opens the log of past events, unless it is off; and the bus that continues from it. */
async function openLog(
  { config, process: part, clock, metrics, opened, shutdown, failed, log }: AppContext,
  bus: EventBus,
  { store, cluster }: { readonly store: Store; readonly cluster: Cluster | undefined },
): Promise<{ readonly eventLog: EventLog | undefined; readonly bus: EventBus }> {
  const { keep: maxAgeMs, maxEvents, maxBytes } = config.events;
  const { db } = store;
  if (maxAgeMs === 0) {
    await clearEventLog(db);
    return { eventLog: undefined, bus };
  }
  const node = nodeName(config);
  // Nodes may also have a bus each, and one database.
  const isShared =
    cluster !== undefined && (part !== undefined || (config.cluster.pubsub.enabled && !config.cluster.shadow));
  const hasOneOrder = cluster === undefined || isShared;
  const storesForeign = isShared && node === undefined;
  const eventLog = opened.use(
    await openEventLog({
      db,
      bus,
      node: node ?? '',
      clock,
      hasOneOrder,
      storesForeign,
      limits: { maxAgeMs, maxEvents, maxBytes },
      failed: (error) => log.warn({ error: messageOf(error) }, 'events wait: the database does not take them'),
      lost: (count) => metrics.eventLogLost.inc({}, count),
    }),
  );
  opened.defer(metrics.beforeScrape(() => metrics.eventLogWaiting.set(eventLog.waiting)));
  if (!hasOneOrder) return { eventLog, bus };
  const resuming = resumeFrom(bus, {
    log: eventLog,
    isShared: isShared && !storesForeign,
    began: eventLog.began,
    nowMs: () => clock.nowMs(),
    wait: (ms) => sleep(ms, { signal: shutdown.signal }),
    failed: failed('a subscriber to events'),
  });
  return { eventLog, bus: resuming };
}
