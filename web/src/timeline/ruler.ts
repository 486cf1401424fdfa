/**
 * The ruler of the bar: ticks at round times of the reader's clock, in any time zone and across changes to
 * summer time.
 * In: a view, its width, a time zone. Out: ticks. Pure.
 */
import type { View } from './view.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const steps = [
  ...[5, 10, 15, 30].map((seconds) => seconds * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 3, 6, 12].map((hours) => hours * HOUR),
  ...[1, 2, 7, 14, 28, 91, 364].map((days) => days * DAY),
];

/** A line of the ruler. */
interface Tick {
  /** Unix milliseconds. */
  readonly atMs: number;
  /** Its label: the day at midnight, otherwise the time. */
  readonly label: 'day' | 'time' | 'seconds';
}

const clocks = new Map<string, Intl.DateTimeFormat>();

/**
 * How far the clock of a zone is ahead of UTC at a time, milliseconds.
 *
 * @param timeZone IANA name; omitted: the time zone of the machine
 */
export function zoneOffset(atMs: number, timeZone?: string): number {
  if (timeZone === undefined) return -new Date(atMs).getTimezoneOffset() * MINUTE;
  let clock = clocks.get(timeZone);
  if (!clock) {
    const part = 'numeric';
    const fields = { year: part, month: part, day: part, hour: part, minute: part, second: part } as const;
    clock = new Intl.DateTimeFormat('en-US', { ...fields, hourCycle: 'h23', timeZone });
    clocks.set(timeZone, clock);
  }
  const parts = new Map(clock.formatToParts(atMs).map(({ type, value }) => [type, Number(value)]));
  const of = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? 0;
  const local = Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second'));
  return local - Math.floor(atMs / SECOND) * SECOND;
}

/**
 * Ticks at least `leastPx` apart. Steps of hours restart at each midnight, steps of weeks on Mondays; in a
 * view of hours the tick at midnight shows the day.
 *
 * @param widthPx width of the bar, CSS pixels
 * @param leastPx width of a label
 * @returns oldest first; the last one leaves room for its label
 */
export function rulerTicks(view: View, widthPx: number, timeZone?: string, leastPx = 72): Tick[] {
  const length = view.toMs - view.fromMs;
  const least = (length * leastPx) / Math.max(1, widthPx);
  const step = steps.find((ms) => ms >= least) ?? Math.ceil(least / (364 * DAY)) * 364 * DAY;
  const lastMs = view.toMs - least * 0.6;
  const moments =
    step <= HOUR ? shortSteps(view.fromMs, lastMs, step, timeZone) : longSteps(view.fromMs, lastMs, step, timeZone);
  return moments.map((atMs) => {
    const midnight = step >= DAY || (atMs + zoneOffset(atMs, timeZone)) % DAY === 0;
    return { atMs, label: midnight ? 'day' : step < MINUTE ? 'seconds' : 'time' };
  });
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/** Steps along UTC and selects times that are round on the clock: a repeated hour has its ticks twice. */
function shortSteps(fromMs: number, lastMs: number, step: number, timeZone?: string): number[] {
  const stride = gcd(step, 15 * MINUTE); // time zone offsets are whole quarters of an hour
  const times: number[] = [];
  for (let at = Math.ceil(fromMs / stride) * stride; at < lastMs; at += stride) {
    if ((at + zoneOffset(at, timeZone)) % step === 0) times.push(at);
  }
  return times;
}

/** Steps along the clock: a skipped hour has no tick, a repeated one has its first. */
function longSteps(fromMs: number, lastMs: number, step: number, timeZone?: string): number[] {
  const anchor = step >= 7 * DAY ? 4 * DAY : 0; // 1970 began on a Thursday
  const times: number[] = [];
  const localFrom = fromMs + zoneOffset(fromMs, timeZone) - HOUR;
  for (let local = Math.ceil((localFrom - anchor) / step) * step + anchor; ; local += step) {
    const at = momentOf(local, timeZone);
    if (!(at < lastMs)) return times; // NaN too
    if (at < fromMs) continue;
    const real = at + zoneOffset(at, timeZone) === local || local % DAY === 0;
    if (real && at !== times.at(-1)) times.push(at);
  }
}

/** The first time at which a zone's clock shows a value; if it skips that value, the time of the skip. */
function momentOf(local: number, timeZone?: string): number {
  const before = local - zoneOffset(local - DAY, timeZone);
  const after = local - zoneOffset(local + DAY, timeZone);
  const first = Math.min(before, after);
  return first + zoneOffset(first, timeZone) === local ? first : Math.max(before, after);
}
