/**
 * How much of a stream is recorded, in words for viewers: a length, and the end of the recording while the
 * stream is not live.
 * In: a stream of the API. Out: cards, headings.
 */
import type { StreamView } from '../../../src/api/shapes.ts';
import { formatter, t } from '../viewer/preferences.svelte.ts';

/** @param nowMs the server's time, unix milliseconds */
export function recordedText({ state, record, recorded }: StreamView, nowMs: number): string {
  if (recorded.seconds === 0) return t(record ? 'recorded.none' : 'recorded.off');
  const length = formatter.length(recorded.seconds);
  if (state === 'live' || recorded.to === null) return t('recorded.some', { length });
  return t('recorded.to', { length, time: formatter.moment(Date.parse(recorded.to), nowMs) });
}
