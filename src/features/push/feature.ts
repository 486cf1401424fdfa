/**
 * Web Push: messages to the browsers of people about streams that are live, clips and alarms. Without
 * subscriptions nothing is loaded.
 * In: events, accounts, requests. Out: the feature. docs/4-watch/phone.md, docs/decisions/0123.
 */
import { printRfc3339 } from '../../api/instant.ts';
import { meRoutes } from '../../http/routes/accounts/me.ts';
import { sleep } from '../../lib/abort.ts';
import { OncePer } from '../../lib/once-per.ts';
import type { AppContext } from '../core.ts';
import { type CoreParts, defineFeature, type OpenFeature } from '../feature.ts';
import { pushMetrics } from './metrics.ts';
import { PushNotices } from './push-notices.ts';
import { PushSender } from './push-sender.ts';
import { PushService } from './push-service.ts';
import { pushRefusals } from './refusals.ts';
import { pushRoutes } from './routes.ts';
import { ServerKey } from './server-key.ts';
import { pushSection } from './settings.ts';
import { SubscriptionTable } from './subscription-table.ts';

const SWEEP_EVERY_MS = 3_600_000;
/** Failures are logged at most this often, ms. */
const REPORT_EVERY_MS = 60_000;
/** For push services, where neither the settings nor the page has an address that they take. */
const NO_CONTACT = 'mailto:operator@oxbow.invalid';

async function openPush(app: AppContext, parts: CoreParts): Promise<OpenFeature<PushService>> {
  const { settings, clock, log, metrics, opened, shutdown } = app;
  const { store, net, bus, catalog, streamsApi, accounts } = parts;
  const { access } = accounts;
  const { signal } = shutdown;
  const table = new SubscriptionTable(store.db, access.box('push subscriptions'), clock);
  const key = new ServerKey(store.db, access.box('push key'), clock);
  const reported = new OncePer(REPORT_EVERY_MS, () => clock.monotonicMs());
  const lost = (count: number, error?: unknown) =>
    reported.call((more) => log.warn({ error, count, more }, 'messages for browsers were lost'));
  const sender = new PushSender({
    net,
    table,
    keys: () => key.get(),
    contact: (origin) => contactOf(settings.now.push.contact ?? settings.now.publicUrl, origin),
    metrics,
    clock,
    signal,
    failed: (error) => lost(1, error),
  });
  const isOn = () => settings.now.push.enabled;
  const idOf = (name: string) => catalog.find(name)?.definition.id;
  const notices = new PushNotices({ table, sender, access, streams: streamsApi, idOf, isOn, clock, signal, lost });
  opened.defer(() => sender.close());
  opened.defer(() => notices.flush());
  const subscription = await bus.subscribe(notices);
  opened.defer(() => subscription.close());
  access.references.onDeleted((userId) => table.forget(userId));
  access.exporters.add('push', async (userId) => ({
    follows: await table.follows(userId),
    subscriptions: (await table.of(userId)).map(({ id, program, kinds, createdMs }) => ({
      id,
      program,
      kinds,
      createdAt: printRfc3339(createdMs),
    })),
  }));
  return {
    own: new PushService({ table, key, sender, isOn, idOf, clock }),
    start: () => startSweeping(app, table),
  };
}

/** Removes browsers whose session has ended, at the start and every hour until the shutdown. */
function startSweeping({ opened, shutdown, failed }: AppContext, table: SubscriptionTable): void {
  const { signal } = shutdown;
  const run = async () => {
    while (!signal.aborted) {
      await table.removeEnded().catch(failed('deleting subscriptions to messages'));
      await sleep(SWEEP_EVERY_MS, { signal }).catch(() => undefined); // only the signal rejects it, and ends the loop
    }
  };
  opened.use(shutdown.owns(run()));
}

/** What push services may use to reach the operator: `mailto:` or `https:`. RFC 8292 2.1. */
function contactOf(setting: string | undefined, origin: string): string {
  const addresses = [setting, origin].filter((address) => address !== undefined);
  return addresses.find((address) => /^(?:mailto|https):/.test(address)) ?? NO_CONTACT;
}

/** The feature. */
export const push = defineFeature({
  name: 'push',
  routes: pushRoutes,
  after: meRoutes,
  adds: { settings: { push: pushSection }, refusals: pushRefusals, metrics: pushMetrics },
  open: openPush,
});
