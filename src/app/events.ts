/**
 * Opens the event bus and the webhooks that deliver its events.
 * In: the context, store and net. Out: EventBus, that of this process only, Webhooks; the event
 * `server.starting`.
 */
import { createLocalEventBus } from '../cluster/bus/local-event-bus.ts';
import { alsoTo } from '../cluster/bus/own-events.ts';
import { withoutForeign } from '../cluster/bus/shadow.ts';
import { Leases } from '../cluster/lease/lease.ts';
import { nodeName } from '../config/sections/cluster-section.ts';
import type { AppContext, Parts } from '../features/core.ts';
import { sleep } from '../lib/abort.ts';
import { version } from '../lib/version.ts';
import type { ServiceChange } from '../observe/services/services.ts';
import { currentTraceparent } from '../observe/traces/current-span.ts';
import { openLeaseTable } from '../store/lease-table.ts';
import { WebhookTable } from '../webhooks/webhook-table.ts';
import { Webhooks } from '../webhooks/webhooks.ts';

/** Opens both. */
export async function openEvents(
  { config, process: part, clock, metrics, telemetry, services, opened, failed }: AppContext,
  { store, changes, net, cluster }: Pick<Parts, 'store' | 'changes' | 'net' | 'cluster'>,
): Promise<Pick<Parts, 'bus' | 'ownEvents' | 'webhooks'>> {
  const local = createLocalEventBus({
    traceparent: currentTraceparent,
    clock,
    failed: failed('a subscriber to events'),
    counters: metrics,
  });
  const ownEvents = cluster ? createLocalEventBus({ clock, failed: failed('a subscriber to own events') }) : local;
  const bus = cluster ? alsoTo(await cluster.bus(local), ownEvents) : local;
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
      net,
      clock,
      sleep,
      telemetry,
      ended: (state) => metrics.webhookDeliveries.inc({ state }),
      failed: failed('a webhook'),
    }),
  );
  if (!part || part.link.start.isFirst) bus.publish('server.starting', { version });
  return { bus, ownEvents, webhooks };
}
