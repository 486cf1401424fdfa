/**
 * Parses times of video-stream-recorder's addresses: YYYYMMDDHHMMSS in a time zone, and durations in minutes.
 * In: parts of a path and query. Out: instants and durations, or OxbowError.
 */

import { FormatError } from '@oxbow/media/errors';
import { parseInstant } from '../../api/instant.ts';
import { openTimeZone, skippedTime, type TimeZone } from '../../api/local-time.ts';
import { parseDuration } from '../../lib/duration.ts';
import { OxbowError } from '../../lib/errors.ts';
import { decodeTime, refusing } from '../address-time.ts';

const COMPACT = /^\d{14}$/;

/**
 * Parses the start of a window.
 *
 * @param text unix seconds, milliseconds, RFC 3339, or YYYYMMDDHHMMSS; percent-encoded
 * @param zone IANA name for YYYYMMDDHHMMSS, default UTC. The other forms include their zone
 * @returns µs since 1970
 * @throws OxbowError `bad-time`, also for a local time that the zone skips; `bad-time-zone` for an unknown
 *   zone
 */
export function legacyInstantUs(text: string, zone: string | null): number {
  const plain = decodeTime(text);
  const local = zone === null ? undefined : openTimeZone(zone);
  if (!local || !COMPACT.test(plain)) return refusing(() => parseInstant(plain)) * 1000;
  return refusing(() => localInstant(plain, local)) * 1000;
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

/** A time that occurs twice, when clocks are set back, means the first. */
function localInstant(text: string, zone: TimeZone): number {
  const first = zone.instantsOf(parseInstant(text))[0];
  if (first === undefined) throw skippedTime(text, zone);
  return first;
}
