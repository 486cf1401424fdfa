/**
 * Opens the alarms: their center, which is evaluated once a second, e-mail, and the journal of what happened
 * to streams.
 * In: the context, store, bus, disk, streams, accounts, delivery. Out: Alarms; old alarms and events are
 * deleted every hour.
 */
import { withoutForeign } from '../cluster/bus/shadow.ts';
import { sleep } from '../lib/abort.ts';
import { OncePer } from '../lib/once-per.ts';
import { AlarmCenter } from '../streams/alarms/alarm-center.ts';
import { AlarmMailer } from '../streams/alarms/alarm-mail.ts';
import { AlarmTable } from '../streams/alarms/alarm-table.ts';
import { createAlarmsApi } from '../streams/alarms/alarms-api.ts';
import { Journal } from '../streams/alarms/journal.ts';
import { createStreamsApi } from '../streams/api.ts';
import type { Alarms, AppContext, Parts } from './parts.ts';

const SWEEP_EVERY_MS = 3_600_000;
/** Failures of the database are logged at most this often, ms. */
const REPORT_EVERY_MS = 60_000;

/** Opens everything; the journal begins at once. */
export async function openAlarms(
  { settings, clock, log, metrics, opened, shutdown, failed }: AppContext,
  {
    store,
    bus,
    disk,
    streams,
    accounts,
    delivery,
  }: Pick<Parts, 'store' | 'bus' | 'disk' | 'streams' | 'accounts' | 'delivery'>,
): Promise<Alarms> {
  const { catalog, deps } = streams;
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
    streams: createStreamsApi(deps, catalog, (name) => delivery.viewers.of(name)),
  });
  return { api, center, journal, table };
}

/**
 * Deletes past alarms after `alarms.keep`, and what happened to all streams, every hour until the shutdown.
 */
export function startAlarms(
  { settings, clock, opened, shutdown, failed }: AppContext,
  { table, journal }: Alarms,
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
