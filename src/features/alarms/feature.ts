/**
 * Alarms: rules that are evaluated once a second, e-mail, and the journal of what happened to streams. Old
 * alarms and events are deleted every hour.
 * In: measured streams, events. Out: the feature.
 */
import { alarmEvents } from '../../api/alarms/alarm-events.ts';
import type { AlarmsApi } from '../../api/alarms/alarms-api.ts';
import { withoutForeign } from '../../cluster/bus/shadow.ts';
import { statsRoutes } from '../../http/routes/streams/stats.ts';
import { sleep } from '../../lib/abort.ts';
import { OncePer } from '../../lib/once-per.ts';
import type { AppContext } from '../core.ts';
import { type CoreParts, defineFeature, type OpenFeature } from '../feature.ts';
import { AlarmCenter } from './alarm-center.ts';
import { AlarmMailer } from './alarm-mail.ts';
import { AlarmTable } from './alarm-table.ts';
import { createAlarmsApi } from './alarms-api.ts';
import { Journal } from './journal.ts';
import { alarmMetrics } from './metrics.ts';
import { alarmRefusals } from './refusals.ts';
import { alarmRoutes } from './routes.ts';
import { alarmsSection } from './settings.ts';

const SWEEP_EVERY_MS = 3_600_000;
/** Failures of the database are logged at most this often, ms. */
const REPORT_EVERY_MS = 60_000;

/** Opens everything; the journal begins at once. */
async function openAlarms(
  app: AppContext,
  { store, bus, disk, recordings, catalog, streamsApi, accounts, hooks }: CoreParts,
): Promise<OpenFeature<AlarmsApi>> {
  const { settings, clock, log, metrics, opened, shutdown, failed } = app;
  const table = new AlarmTable(store.db);
  const reported = new OncePer(REPORT_EVERY_MS, () => clock.monotonicMs());
  const report = failed('the record of an alarm');
  const journal = new Journal({
    db: store.db,
    idOf: (name) => catalog.find(name)?.definition.id,
    lost(count, error) {
      metrics.alarmsLost.inc({ what: 'journal' }, count);
      reported.call((more) => log.error({ error, more }, 'events of the history of streams are lost'));
    },
  });
  const { mail } = accounts;
  const mailer =
    mail && new AlarmMailer({ settings, mail, clock, signal: shutdown.signal, failed: failed('e-mail about alarms') });
  if (!mail && settings.now.alarms.mail.length > 0) {
    log.warn('alarms.mail has addresses, and no e-mail is sent: mail.smtp is not set');
  }
  const center = new AlarmCenter({
    clock,
    settings,
    table,
    events: bus,
    mailer,
    metrics,
    noRoom: () => !disk.now().hasRoom,
    mirrorBehindS(streamId) {
      const behindMs = recordings.objects?.mirror.behindMs(streamId);
      return behindMs === undefined ? undefined : behindMs / 1000;
    },
    failed: (error) => reported.call(() => report(error)),
  });
  opened.defer(() => journal.flush());
  opened.defer(() => center.flush());
  opened.defer(() => mailer?.close());
  const subscription = await withoutForeign(bus).subscribe(journal);
  opened.defer(() => subscription.close());
  const api = createAlarmsApi({
    center,
    table,
    journal,
    catalog,
    clock,
    audit: accounts.access.audit,
    streams: streamsApi,
  });
  hooks.measured.subscribe((streams) => center.tick(streams));
  hooks.horizons.add((streamId, us) => journal.removeBefore(streamId, us / 1000));
  return { own: api, start: () => startSweeping(app, { table, journal }) };
}

/**
 * Deletes past alarms after `alarms.keep`, and the journal of all streams, every hour until the shutdown.
 */
function startSweeping(
  { settings, clock, opened, shutdown, failed }: AppContext,
  { table, journal }: { readonly table: AlarmTable; readonly journal: Journal },
): void {
  const { signal } = shutdown;
  const run = async () => {
    while (!signal.aborted) {
      const beforeMs = clock.nowMs() - settings.now.alarms.keep;
      await table.removeBefore(beforeMs).catch(failed('deleting past alarms'));
      await journal.removeBefore('', beforeMs).catch(failed('deleting past events'));
      await sleep(SWEEP_EVERY_MS, { signal }).catch(() => undefined); // only the signal rejects it, and ends the loop
    }
  };
  opened.use(shutdown.owns(run()));
}

/** The feature. */
export const alarms = defineFeature({
  name: 'alarms',
  routes: alarmRoutes,
  after: statsRoutes,
  adds: { settings: { alarms: alarmsSection }, refusals: alarmRefusals, metrics: alarmMetrics, events: alarmEvents },
  open: openAlarms,
});
