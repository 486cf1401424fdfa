/**
 * When weekly reports are due, and what week each is about. All days are days of UTC, the same on all nodes.
 * In: a time, a day of the week, an hour. Out: the report that is due. Pure.
 */

import { type ReportDay, reportDays } from './settings.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const WEEK_MS = 7 * DAY_MS;
/** 1970-01-05, the first Monday. */
const MONDAY_MS = 4 * DAY_MS;
/** A report that was missed for longer, such as by a server that was off, is not sent, ms. */
const LATEST_MS = DAY_MS;

/** A report that is due; unix milliseconds. */
export interface DueReport {
  /** The week [fromMs, toMs) that it is about: seven days of UTC before the day on which it is sent. */
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * The report that is to be sent now, if it was not sent yet.
 *
 * @param nowMs unix milliseconds
 * @param hour 0 to 23, UTC
 * @returns undefined if reports are off, or the last one was due more than a day ago
 */
export function dueReport(nowMs: number, day: ReportDay, hour: number): DueReport | undefined {
  if (day === 'off') return undefined;
  const firstMs = MONDAY_MS + (reportDays.indexOf(day) - 1) * DAY_MS;
  const offsetMs = firstMs + hour * HOUR_MS;
  const dueMs = offsetMs + Math.floor((nowMs - offsetMs) / WEEK_MS) * WEEK_MS;
  if (nowMs - dueMs >= LATEST_MS) return undefined;
  const toMs = dueMs - hour * HOUR_MS;
  return { fromMs: toMs - WEEK_MS, toMs };
}
