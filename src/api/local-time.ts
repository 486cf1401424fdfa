/**
 * Local times of a time zone, in both directions.
 * In: IANA names of zones; local times as if they were UTC. Out: instants. Needs no list of zones: Intl has
 * one.
 */

import { FormatError } from '@oxbow/media/errors';
import { OxbowError } from '../lib/errors.ts';

const ZONE = /^[A-Za-z0-9_+/-]{1,64}$/;
/** More than the offset of any zone, and than any change of it, ms. */
const DAY_MS = 86_400_000;

export interface TimeZone {
  /** Its IANA name. */
  readonly name: string;
  /**
   * The instants that its clocks show as `localMs`, ms since 1970, in order: two where clocks are set back,
   * none where they skip it.
   *
   * @param localMs the local time, read as if it were UTC
   */
  instantsOf(localMs: number): readonly number[];
}

/**
 * Opens a zone.
 *
 * @param name IANA name; undefined: that of this computer
 * @throws OxbowError `bad-time-zone` for an unknown one
 */
export function openTimeZone(name?: string): TimeZone {
  const format = formatOf(name);
  return {
    name: format.resolvedOptions().timeZone,
    instantsOf(localMs) {
      // The offset of the zone a day before and a day after: one of them applies, unless the zone skips this
      // time.
      const instants = [localMs - DAY_MS, localMs + DAY_MS]
        .map((near) => localMs - (shownAt(near, format) - near))
        .filter((at) => shownAt(at, format) === localMs);
      return [...new Set(instants)].sort((a, b) => a - b);
    },
  };
}

/** The error for a local time that its zone skips. */
export function skippedTime(text: string, { name }: TimeZone): FormatError {
  return new FormatError(`${text} does not exist in ${name}: clocks there step over it`, 0);
}

function formatOf(zone: string | undefined): Intl.DateTimeFormat {
  try {
    if (zone !== undefined && !ZONE.test(zone)) throw new RangeError(zone);
    return new Intl.DateTimeFormat('en-GB', {
      ...(zone !== undefined && { timeZone: zone }),
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
    const name = (zone ?? '').slice(0, 64).replaceAll(/[^\x20-\x7e]/g, '?');
    throw new OxbowError('bad-time-zone', `"${name}" is not a time zone.`, { cause: error });
  }
}

/** The local time at `ms`, read as if it were UTC, ms. */
function shownAt(ms: number, format: Intl.DateTimeFormat): number {
  const part = new Map(format.formatToParts(ms).map(({ type, value }) => [type, Number(value)]));
  const of = (type: Intl.DateTimeFormatPartTypes) => part.get(type) ?? 0;
  const seconds = Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second'));
  return seconds + (((ms % 1000) + 1000) % 1000);
}
