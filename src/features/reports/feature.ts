/**
 * Reports: once a week the figures of viewing by e-mail, and as an event for webhooks. Off by default.
 * In: insight, settings. Out: the feature. docs/9-run/insight-pages.md.
 */
import { reportEvents } from '../../api/reports/report-events.ts';
import type { AppContext } from '../core.ts';
import { type CoreParts, defineFeature, type OpenFeature } from '../feature.ts';
import { SentReports } from './report-table.ts';
import { sendReports } from './reporter.ts';
import { reportsSection } from './settings.ts';
import { readReport } from './weekly-report.ts';

/** Nothing runs before the streams are open. */
function openReports(app: AppContext, { store, bus, accounts, hooks }: CoreParts): OpenFeature<undefined> {
  const { settings, clock, log, opened, shutdown, failed } = app;
  const { mail } = accounts;
  const { weekly, mail: addresses } = settings.now.reports;
  if (!mail && weekly !== 'off' && addresses.length > 0) {
    log.warn('reports.mail has addresses, and no e-mail is sent: mail.smtp is not set');
  }
  const start = () => {
    const sending = sendReports({
      settings,
      table: new SentReports(store.db),
      read: (week, signal) => readReport(hooks.insight, week, signal),
      mail,
      events: bus,
      clock,
      signal: shutdown.signal,
      failed: failed('the weekly report'),
    });
    opened.use(shutdown.owns(sending));
  };
  return { own: undefined, start };
}

/** The feature. */
export const reports = defineFeature({
  name: 'reports',
  adds: { settings: { reports: reportsSection }, events: reportEvents },
  open: openReports,
});
