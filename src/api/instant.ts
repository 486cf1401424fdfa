/**
 * Instants as URLs and requests write them: unix seconds (10 digits), milliseconds (13), RFC 3339 with a
 * zone, or YYYYMMDDHHMMSS in UTC.
 * In: one of the four forms. Out: milliseconds since 1970, and the two forms that oxbow prints. Shared with
 * the interface.
 */
import { FormatError } from '@oxbow/media/errors';

const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(\.\d{1,9})?(?:[Zz]|([+-])(\d\d):(\d\d))$/;
const COMPACT = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/;

/**
 * Reads an instant in any of the four forms; the same instant gives the same number whichever form it came
 * in.
 *
 * @returns whole milliseconds since 1970, 0 or more
 * @throws FormatError when the text has none of the forms, or names a day or an hour that does not exist
 */
export function parseInstant(text: string): number {
  if (/^\d{10}$/.test(text)) return Number(text) * 1000;
  if (/^\d{13}$/.test(text)) return Number(text);
  const compact = COMPACT.exec(text);
  if (compact) return utc(text, compact, 0);
  const full = RFC3339.exec(text);
  if (!full) {
    throw new FormatError(
      `"${text.slice(0, 64)}" is not a time; write unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC`,
      0,
    );
  }
  const zoneHours = Number(full[9] ?? 0);
  const zoneMinutes = Number(full[10] ?? 0);
  if (zoneHours > 23 || zoneMinutes > 59) throw new FormatError(`"${text}" has a zone that does not exist`, 0);
  const zoneMs = (zoneHours * 60 + zoneMinutes) * 60_000 * (full[8] === '-' ? -1 : 1);
  return utc(text, full, Math.floor(Number(full[7] ?? 0) * 1000 + 1e-6) - zoneMs);
}

/** Milliseconds of the first six groups of `match`, as UTC, plus `addMs`. */
function utc(text: string, match: RegExpExecArray, addMs: number): number {
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const wholeDayMs = Date.UTC(year, month - 1, day);
  const date = new Date(wholeDayMs);
  const dayExists = year >= 1970 && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  // A leap second (60) is the first instant of the next minute, as clocks that cannot show it have it.
  if (!dayExists || hour > 23 || minute > 59 || second > 60)
    throw new FormatError(`"${text}" names a time that does not exist`, 0);
  const ms = wholeDayMs + ((hour * 60 + minute) * 60 + second) * 1000 + addMs;
  if (ms < 0) throw new FormatError(`"${text}" is before 1970`, 0);
  return ms;
}

/**
 * The form that oxbow writes in JSON and playlists: RFC 3339, UTC, milliseconds (`2026-11-19T08:00:00.000Z`).
 *
 * @param ms milliseconds since 1970; a fraction is rounded down
 */
export function printRfc3339(ms: number): string {
  return new Date(Math.floor(ms)).toISOString();
}
