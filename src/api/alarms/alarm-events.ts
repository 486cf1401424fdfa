/**
 * Events of alarms, a part of the table of all events.
 * In: nothing. Out: rows for events.ts.
 */
import { AlarmData } from './alarm-shapes.ts';

/** The rows. */
export const alarmEvents = {
  'alarm.raised': {
    audience: 'admin',
    sentence: 'An alarm of a stream was raised. See the page Alarms.',
    data: AlarmData,
  },
  'alarm.cleared': {
    audience: 'admin',
    sentence: 'An alarm of a stream was cleared; `id` is that of `alarm.raised`.',
    data: AlarmData,
  },
} as const;
