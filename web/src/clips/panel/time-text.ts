/**
 * A moment as text that a viewer can change: `20:15:04.320`, with a date before it for another day.
 * In: unix milliseconds, or the typed text. Out: the text, or the moment. In the time zone of this machine.
 * Pure.
 */

const two = (value: number) => String(value).padStart(2, '0');

/** The time of day to the millisecond, `20:15:04.320`. @param atMs unix milliseconds */
export function timeOfDay(atMs: number): string {
  const at = new Date(Math.round(atMs));
  const ms = String(at.getMilliseconds()).padStart(3, '0');
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${ms}`;
}

const SHAPE = /^(?:(\d{4})-(\d{1,2})-(\d{1,2})[ T,]+)?(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,](\d{1,3}))?)?$/;

/**
 * Parses a typed time. Seconds and milliseconds may be left out.
 *
 * @param dayMs the day of a time without a date, unix milliseconds
 * @returns unix milliseconds; null if it is not a time
 */
export function parseTime(text: string, dayMs: number): number | null {
  const parts = SHAPE.exec(text.trim().replaceAll('：', ':'));
  if (!parts) return null;
  const [, year, month, date, hour, minute, second = '0', fraction = ''] = parts;
  const day = new Date(dayMs);
  const at = new Date(
    year ? Number(year) : day.getFullYear(),
    month ? Number(month) - 1 : day.getMonth(),
    date ? Number(date) : day.getDate(),
    ...[Number(hour), Number(minute), Number(second), Number(fraction.padEnd(3, '0'))],
  );
  // Date accepts 25:61 and February 30 as a later moment.
  const isSame = at.getMinutes() === Number(minute) && at.getSeconds() === Number(second) && Number(hour) <= 23;
  if (!isSame || (date && (at.getDate() !== Number(date) || at.getMonth() !== Number(month) - 1))) return null;
  return at.getTime();
}
