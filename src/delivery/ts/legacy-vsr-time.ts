/**
 * Parses times of video-stream-recorder's addresses: YYYYMMDDHHMMSS in a time zone, and durations in minutes.
 * In: parts of a path and query. Out: instants and durations, or OxbowError.
 */
import { parseInstant } from '../../api/instant.ts';
import { parseDuration } from '../../lib/duration.ts';
import { FormatError, OxbowError } from '../../lib/errors.ts';
import { decodeTime, refusing } from '../address-time.ts';

const COMPACT = /^\d{14}$/;
const ZONE = /^[A-Za-z0-9_+/-]{1,64}$/;
/** More than the offset of any zone, and than any change of it, ms. */
const DAY_MS = 86_400_000;

/**
 * Parses the start of a window.
 *
 * @param text unix seconds, milliseconds, RFC 3339, or YYYYMMDDHHMMSS; percent-encoded
 * @param zone IANA name for YYYYMMDDHHMMSS, default UTC. The other forms include their zone
 * @returns µs since 1970
 * @throws OxbowError `bad-time`, also for a local time that the zone skips; `bad-time-zone` for an unknown zone
 */
export function legacyInstantUs(text: string, zone: string | null): number {
  const plain = decodeTime(text);
  const format = zone === null ? undefined : openZone(zone);
  if (!format || !COMPACT.test(plain)) return refusing(() => parseInstant(plain)) * 1000;
  return refusing(() => localInstant(plain, format)) * 1000;
}

/**
 * Parses the length of a window.
 *
 * @param text minutes without a unit, or `90s`, `1h30m`; percent-encoded
 * @returns µs, more than 0
 * @throws OxbowError `bad-duration`; `bad-time` where the percent-encoding is malformed
 */
export function legacyDurationUs(text: string): number {
  const plain = decodeTime(text);
  const ms = durationMs(plain);
  if (ms === undefined) {
    const shown = plain.slice(0, 64).replaceAll(/[^\x20-\x7e]/g, '?');
    throw new OxbowError(
      'bad-duration',
      `"${shown}" is not a duration. Write minutes as a plain number, or 90s, 1h30m.`,
    );
  }
  if (ms === 0) throw new OxbowError('bad-duration', 'A window of 0 minutes has no media.');
  return ms * 1000;
}

/** undefined if the text is no duration. */
function durationMs(plain: string): number | undefined {
  try {
    return parseDuration(/^\d+(\.\d+)?$/.test(plain) ? `${plain}m` : plain);
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

function openZone(zone: string): Intl.DateTimeFormat {
  try {
    if (!ZONE.test(zone)) throw new RangeError(zone);
    return new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    });
  } catch (error) {
    const name = zone.slice(0, 64).replaceAll(/[^\x20-\x7e]/g, '?');
    throw new OxbowError('bad-time-zone', `"${name}" is not a time zone`, { cause: error });
  }
}

/** A time that occurs twice, when clocks are set back, means the first. */
function localInstant(text: string, format: Intl.DateTimeFormat): number {
  const asUtc = parseInstant(text);
  // The offset of the zone a day before and a day after: one of them applies, unless the zone skips this time.
  const found = [asUtc - DAY_MS, asUtc + DAY_MS]
    .map((near) => asUtc - (shownAt(near, format) - near))
    .filter((at) => shownAt(at, format) === asUtc);
  if (found.length === 0) {
    const { timeZone } = format.resolvedOptions();
    throw new FormatError(`${text} does not exist in ${timeZone}: clocks there step over it`, 0);
  }
  return Math.min(...found);
}

/** The local time at `ms`, read as if it were UTC, ms. */
function shownAt(ms: number, format: Intl.DateTimeFormat): number {
  const part = new Map(format.formatToParts(ms).map(({ type, value }) => [type, Number(value)]));
  const of = (type: Intl.DateTimeFormatPartTypes) => part.get(type) ?? 0;
  return Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second'));
}
