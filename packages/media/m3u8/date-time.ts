/**
 * Reads the date of EXT-X-PROGRAM-DATE-TIME, as sources really write it.
 * In: text. Out: ms since 1970. Pure. RFC 8216bis 4.4.4.6; ISO 8601.
 */

const DATE =
  /^(\d{4})-?(\d\d)-?(\d\d)[T ](\d\d):?(\d\d):?(\d\d)(?:[.,](\d{1,9})\d{0,9})?(?:(Z)|([+-])(\d\d):?(\d\d)?)?$/i;

/** The usual form, which Date.parse reads, much faster. */
const PLAIN = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/**
 * Milliseconds since 1970, with a fraction where one is written; UTC where no zone is.
 *
 * @returns undefined for an invalid date, which is ignored
 */
export function parseDateTime(text: string): number | undefined {
  if (text.length > 64) return undefined;
  const plainMs = PLAIN.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(plainMs)) return plainMs;
  const match = DATE.exec(text);
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second, fraction, , sign, zoneHour, zoneMinute] = match;
  const wholeMs = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
  const zoneMs = sign === undefined ? 0 : (Number(zoneHour) * 60 + Number(zoneMinute ?? 0)) * 60_000;
  const fractionMs = fraction === undefined ? 0 : Number(`0.${fraction}`) * 1000;
  const ms = wholeMs + fractionMs - (sign === '-' ? -zoneMs : zoneMs);
  if (Number(month) < 1 || Number(month) > 12 || Number(day) < 1 || Number(day) > 31) return undefined;
  return Number(hour) > 24 || Number(minute) > 59 || Number(second) > 60 ? undefined : ms;
}
