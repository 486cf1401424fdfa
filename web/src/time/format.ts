/**
 * Formats times, lengths and sizes for readers.
 * In: unix milliseconds, seconds, bytes. Out: text. Pure: time zone and language are parameters.
 */

/** The reader's language and time zone. */
interface Reading {
  /** BCP 47, e.g. `en` or `zh-CN`. */
  readonly locale: string;
  /** IANA name; omitted: the time zone of the machine. */
  readonly timeZone?: string;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function format(reading: Reading, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = JSON.stringify([reading, options]);
  let formatter = formats.get(key);
  if (!formatter) {
    const zone = reading.timeZone === undefined ? {} : { timeZone: reading.timeZone };
    formatter = new Intl.DateTimeFormat(reading.locale, { ...options, ...zone });
    formats.set(key, formatter);
  }
  return formatter;
}

const TIME = { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' } as const;
const HOUR_MINUTE = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;
const DAY = { weekday: 'short', month: 'short', day: 'numeric' } as const;
const MONTH_DAY = { month: 'short', day: 'numeric' } as const;
const DAY_OF_YEAR = { ...DAY, year: 'numeric' } as const;

/**
 * Clock time in the reader's zone, `20:15:04`.
 *
 * @param atMs unix milliseconds
 */
export function clockTime(atMs: number, reading: Reading): string {
  return format(reading, TIME).format(atMs);
}

/**
 * Hour and minute in the reader's zone, `20:15`.
 *
 * @param atMs unix milliseconds
 */
export function hourMinute(atMs: number, reading: Reading): string {
  return format(reading, HOUR_MINUTE).format(atMs);
}

/**
 * The day in the reader's zone, `Sat, Jan 31`.
 *
 * @param atMs unix milliseconds
 */
export function dayName(atMs: number, reading: Reading): string {
  return format(reading, DAY).format(atMs);
}

/**
 * The day without its weekday in the reader's zone, `Jan 31`.
 *
 * @param atMs unix milliseconds
 */
export function monthDay(atMs: number, reading: Reading): string {
  return format(reading, MONTH_DAY).format(atMs);
}

/** From this distance on a day is shown with its year, milliseconds. */
const YEAR_FROM_MS = 300 * 86_400_000;

/**
 * Clock time, with the day before it if it is not today, and its year if it is far away.
 *
 * @param atMs unix milliseconds
 * @param nowMs unix milliseconds; decides what today is
 */
export function momentText(atMs: number, nowMs: number, reading: Reading): string {
  const time = clockTime(atMs, reading);
  const distanceMs = Math.abs(nowMs - atMs);
  const day = distanceMs < YEAR_FROM_MS ? dayName(atMs, reading) : format(reading, DAY_OF_YEAR).format(atMs);
  return day === dayName(nowMs, reading) && distanceMs < 2 * 86_400_000 ? time : `${day}, ${time}`;
}

/**
 * UTC, `2026-01-31 20:15:04 UTC`.
 *
 * @param atMs unix milliseconds
 */
export function utcTime(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

const two = (value: number) => String(value).padStart(2, '0');

/**
 * Distance before now, with a minus sign: `−03:12`, `−1:03:12`; days count as hours.
 *
 * @param ms milliseconds, 0 or more
 */
export function behindText(ms: number): string {
  return `−${lengthText(ms / 1000)}`;
}

/**
 * A length as clock digits, `03:12` or `26:03:12`.
 *
 * @param seconds 0 or more; rounded down
 */
export function lengthText(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${two(minutes)}:${two(whole % 60)}`;
}

/** A length in words: the text key and its numbers. */
interface LengthWords {
  readonly key: 'length.days' | 'length.hours' | 'length.minutes' | 'length.seconds';
  readonly values: Readonly<Record<string, number>>;
}

/**
 * A length in its two largest units.
 *
 * @param seconds 0 or more; rounded down
 */
export function lengthWords(seconds: number): LengthWords {
  const whole = Math.max(0, Math.floor(seconds));
  const days = Math.floor(whole / 86_400);
  const hours = Math.floor((whole % 86_400) / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  if (days > 0) return { key: 'length.days', values: { days, hours } };
  if (hours > 0) return { key: 'length.hours', values: { hours, minutes } };
  if (minutes > 0) return { key: 'length.minutes', values: { minutes, seconds: whole % 60 } };
  return { key: 'length.seconds', values: { seconds: whole } };
}

/**
 * A size in decimal units with at most one decimal, `1.2 GB`.
 *
 * @param bytes 0 or more
 */
export function sizeText(bytes: number, reading: Reading): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit > 0 && value < 10 ? 1 : 0;
  return `${new Intl.NumberFormat(reading.locale, { maximumFractionDigits: digits }).format(value)} ${units[unit]}`;
}

const numbers = new Map<string, Intl.NumberFormat>();

function numberFormat(locale: string, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = JSON.stringify([locale, options]);
  let formatter = numbers.get(key);
  if (!formatter) {
    formatter = new Intl.NumberFormat(locale, options);
    numbers.set(key, formatter);
  }
  return formatter;
}

/**
 * A number with the separators of the language, `1,234.5`.
 *
 * @param digits after the decimal separator, at most
 */
export function numberText(value: number, digits: number, { locale }: Reading): string {
  return numberFormat(locale, { maximumFractionDigits: digits }).format(value);
}

/** A share as per cent with at most one decimal, `12.3%`. @param share 1 is all */
export function percentText(share: number, { locale }: Reading): string {
  return numberFormat(locale, { style: 'percent', maximumFractionDigits: 1 }).format(share);
}

/**
 * Parses the value of a `datetime-local` field.
 *
 * @returns unix milliseconds; null if the field is empty or invalid
 */
export function parseField(text: string): number | null {
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? null : ms;
}
