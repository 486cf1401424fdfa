/**
 * The days of a time zone, by their names.
 * In: `2026-11-22`, a zone. Out: instants at which days begin. Shared by all that sum up by day. Pure.
 */
import { FormatError } from '@oxbow/media/errors';
import type { TimeZone } from './local-time.ts';

/** Days that follow each other. */
export interface LocalDays {
  /** IANA name of their zone. */
  readonly zone: string;
  /** `2026-11-22`, in order. */
  readonly names: readonly string[];
  /**
   * Their starts and the end of the last one, ms since 1970. A day that the zone leaves out has no length.
   */
  readonly startsMs: readonly number[];
}

const DAY_MS = 86_400_000;
/** Clocks step over whole quarters of an hour. */
const STEP_MS = 900_000;
const DAY = /^(\d{4})-(\d\d)-(\d\d)$/;

/**
 * Reads a day.
 *
 * @returns its midnight, read as if it were UTC, ms since 1970
 * @throws FormatError for another form, and for a day that does not exist
 */
export function parseDay(text: string): number {
  const midnightMs = DAY.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  if (Number.isNaN(midnightMs) || midnightMs < 0 || printDay(midnightMs) !== text)
    throw new FormatError(`"${text.slice(0, 64)}" is not a day; write 2026-11-22`, 0);
  return midnightMs;
}

/** The name of a day. @param midnightMs as `parseDay` returns it */
export function printDay(midnightMs: number): string {
  return new Date(midnightMs).toISOString().slice(0, 10);
}

/** The day of a zone at an instant, as `parseDay` returns it. @param ms since 1970 */
export function dayAt(zone: TimeZone, ms: number): number {
  const utcMs = Math.floor(ms / DAY_MS) * DAY_MS;
  return [utcMs + DAY_MS, utcMs].find((midnightMs) => startOf(zone, midnightMs) <= ms) ?? utcMs - DAY_MS;
}

/**
 * The days from `firstMs` to `lastMs`, both inclusive.
 *
 * @param firstMs as `parseDay` returns it
 */
export function localDays(zone: TimeZone, firstMs: number, lastMs: number): LocalDays {
  const count = Math.round((lastMs - firstMs) / DAY_MS) + 1;
  const midnights = Array.from({ length: count + 1 }, (_, i) => firstMs + i * DAY_MS);
  return {
    zone: zone.name,
    names: midnights.slice(0, -1).map(printDay),
    startsMs: midnights.map((midnightMs) => startOf(zone, midnightMs)),
  };
}

/** The first instant of a day: midnight, or what clocks show after it if they step over midnight. */
function startOf(zone: TimeZone, midnightMs: number): number {
  for (let localMs = midnightMs; localMs <= midnightMs + DAY_MS; localMs += STEP_MS) {
    const instant = zone.instantsOf(localMs)[0];
    if (instant !== undefined) return instant;
  }
  throw new RangeError(`${zone.name} steps over more than a day.`); // no zone does
}
