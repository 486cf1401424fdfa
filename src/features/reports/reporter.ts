/**
 * Sends the weekly report: every five minutes it looks whether one is due that no node has sent.
 * In: settings, figures of a week. Out: e-mail in the queue of the mail server, the event `report.weekly`. A
 * report is sent once; a second time only if oxbow is killed while it sends.
 */
import type { Mail } from '../../accounts/mail/account-mail.ts';
import { readEmail } from '../../accounts/mail/email-address.ts';
import type { WeeklyReport } from '../../api/reports/report-events.ts';
import type { EventBus } from '../../cluster/bus/event-bus.ts';
import type { Config } from '../../config/schema.ts';
import { sleep } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Current } from '../../lib/current.ts';
import { writeReport } from './report-mail.ts';
import type { SentReports } from './report-table.ts';
import { type DueReport, dueReport } from './schedule.ts';

const LOOK_EVERY_MS = 300_000;
/** A message is of no use after this long, ms. */
const LIFETIME_MS = 3 * 86_400_000;

/** Dependencies of the reporter. */
export interface ReporterOptions {
  readonly settings: Current<Pick<Config, 'reports'>>;
  readonly table: Pick<SentReports, 'claim' | 'sent' | 'release'>;
  /** The figures of a week. @throws the reason of `signal`, and errors of the database */
  readonly read: (week: DueReport, signal: AbortSignal) => Promise<WeeklyReport>;
  /** Undefined: no mail server is set. */
  readonly mail: Pick<Mail, 'queue' | 'publicUrl'> | undefined;
  readonly events: Pick<EventBus, 'publish'>;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly signal: AbortSignal;
  readonly failed: (error: unknown) => void;
}

/** Sends reports until the signal fires. Never rejects. */
export async function sendReports(options: ReporterOptions): Promise<void> {
  const { settings, clock, signal, failed } = options;
  /** End of the week whose report was sent, by whichever node. */
  let sentToMs = Number.NEGATIVE_INFINITY;
  while (!signal.aborted) {
    const { weekly, hour } = settings.now.reports;
    const week = dueReport(clock.nowMs(), weekly, hour);
    try {
      if (week && week.toMs !== sentToMs && (await sendOne(options, week))) sentToMs = week.toMs;
    } catch (error) {
      if (!signal.aborted) failed(error);
    }
    await sleep(LOOK_EVERY_MS, { signal }).catch(() => undefined); // only the signal rejects it, and ends the loop
  }
}

/** @returns whether the report is sent now, by this node or another one */
async function sendOne(options: ReporterOptions, week: DueReport): Promise<boolean> {
  const { table, read, events, clock, signal } = options;
  const claim = await table.claim(week.toMs, clock.nowMs());
  if (claim !== 'own') return claim === 'sent';
  let report: WeeklyReport;
  try {
    report = await read(week, signal);
  } catch (error) {
    await table.release(week.toMs);
    throw error;
  }
  await mailReport(options, report);
  events.publish('report.weekly', report);
  await table.sent(week.toMs, clock.nowMs());
  return true;
}

/** Adds a message for each address to the queue; one that cannot be added holds up no other. */
async function mailReport({ settings, mail, failed }: ReporterOptions, report: WeeklyReport): Promise<void> {
  if (!mail) return;
  const { mail: addresses, mailLanguage } = settings.now.reports;
  if (addresses.length === 0) return;
  const content = writeReport(report, mail.publicUrl, mailLanguage);
  for (const address of addresses) {
    try {
      const to = readEmail(address);
      if (to === undefined) throw new Error(`${address} is not an e-mail address`);
      if (await mail.queue.add({ to, content, userId: undefined, lifetimeMs: LIFETIME_MS })) continue;
      throw new Error('too many messages wait for the mail server');
    } catch (error) {
      failed(error);
    }
  }
}
