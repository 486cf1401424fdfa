/**
 * Times on the axes of charts.
 * In: the length of the shown span. Out: how its times are printed, in the zone and language of the viewer.
 */
import { formatter } from '../viewer/preferences.svelte.ts';

/** Longer spans have days, milliseconds. */
const DAYS_FROM_MS = 2 * 86_400_000;
/** Shorter ones have seconds, milliseconds. */
const SECONDS_BELOW_MS = 600_000;

/** Prints a time of an axis, unix seconds. @param lengthMs of the shown span, milliseconds */
export function axisTimeOf(lengthMs: number): (seconds: number) => string {
  if (lengthMs > DAYS_FROM_MS) return (seconds) => formatter.monthDay(seconds * 1000);
  if (lengthMs < SECONDS_BELOW_MS) return (seconds) => formatter.clock(seconds * 1000);
  return (seconds) => formatter.hour(seconds * 1000);
}
