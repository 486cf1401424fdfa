/**
 * The settings of the weekly report.
 * In: the types of settings. Out: the section `reports` for config/schema.ts.
 */
import { choice, integer, section } from '../../config/option.ts';
import { mailAddresses } from '../../config/sections/watching-option.ts';

/** Values of `reports.weekly`: days of the week in UTC, Monday is the first. */
export const reportDays = [
  'off',
  'monday',
  'tuesday',
  'wednesday',
  'thursday',
  'friday',
  'saturday',
  'sunday',
] as const;
/** One of them. */
export type ReportDay = (typeof reportDays)[number];

export const reportsSection = section({
  weekly: choice(
    reportDays,
    'off',
    'Day of the week on which a report about the seven days before is sent, to `reports.mail` and to webhooks as the event `report.weekly`.',
    { reload: 'live' },
  ),
  hour: integer('8', { min: 0, max: 23 }, 'Hour of the day at which the report is sent, UTC.', { reload: 'live' }),
  mail: mailAddresses('E-mail addresses that get the weekly report. Needs `mail.smtp`.', { reload: 'live' }),
  mailLanguage: choice(['en', 'zh'], 'en', 'Language of the report by e-mail.', { reload: 'live' }),
});
