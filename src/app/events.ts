/**
 * Opens the event bus and the webhooks that deliver its events.
 * In: the context, store and net. Out: EventBus, Webhooks; the event `server.starting`.
 */
import { createLocalEventBus } from '../cluster/local-event-bus.ts';
import { sleep } from '../lib/abort.ts';
import { version } from '../lib/version.ts';
import { WebhookTable } from '../webhooks/webhook-table.ts';
import { Webhooks } from '../webhooks/webhooks.ts';
import type { AppContext, Parts } from './parts.ts';

/** Opens both. */
export async function openEvents(
  { clock, metrics, telemetry, opened, failed }: AppContext,
  { store, net }: Pick<Parts, 'store' | 'net'>,
): Promise<Pick<Parts, 'bus' | 'webhooks'>> {
  const bus = createLocalEventBus({ clock, failed: failed('a subscriber to events'), counters: metrics });
  const webhooks = opened.use(
    await Webhooks.open({
      table: new WebhookTable(store.db),
      bus,
      net,
      clock,
      sleep,
      telemetry,
      ended: (state) => metrics.webhookDeliveries.inc({ state }),
      failed: failed('a webhook'),
    }),
  );
  bus.publish('server.starting', { version });
  return { bus, webhooks };
}
