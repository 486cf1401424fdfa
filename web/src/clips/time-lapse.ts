/**
 * Time-lapses that the watch page offers.
 * In: spans, the recording. Out: the duration of a film, its address. Pure.
 */
import { onServer } from '../api/server.ts';
import type { TimeSpan } from '../time/span.ts';

const DAY_MS = 24 * 3600_000;
/** Longest range that the server takes. */
const MOST_MS = 7 * DAY_MS;

/** The last day of a recording, or all of it if it is shorter; null if nothing is recorded. */
export function lastDay({ from, to }: { readonly from: string | null; readonly to: string | null }): TimeSpan | null {
  if (from === null || to === null) return null;
  const toMs = Date.parse(to);
  return { fromMs: Math.max(Date.parse(from), toMs - DAY_MS), toMs };
}

/**
 * The duration of the film of a span: half a minute for five minutes or more, less for a shorter span.
 *
 * @returns seconds; null for a span that is too short or too long
 */
export function filmSecondsOf({ fromMs, toMs }: TimeSpan): number | null {
  const ms = toMs - fromMs;
  if (ms < 30_000 || ms > MOST_MS) return null;
  return ms >= 300_000 ? 30 : 10;
}

/** The address of a film. Its times are whole seconds inside the span: so far everything is recorded. */
export function timeLapseUrl(stream: string, { fromMs, toMs }: TimeSpan, seconds: number): string {
  return onServer(`/timelapse/${stream}/${Math.ceil(fromMs / 1000)}/${Math.floor(toMs / 1000)}/${seconds}.mp4`);
}
