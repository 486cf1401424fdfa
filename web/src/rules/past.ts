/**
 * What the broadcaster's rules for the past mean for this viewer.
 * In: a stream from the API. Out: bounds for players and stills, hints. Pure.
 */
import type { PastRulesView } from '../../../src/api/past/past-rules.ts';
import type { StreamView } from '../../../src/api/shapes.ts';

type Ruled = Pick<StreamView, 'past'>;

/** The rules that concern this viewer; null: none do. */
export function rulesFor(stream: Ruled | null): PastRulesView | null {
  const past = stream?.past;
  return past && !past.isExempt ? past : null;
}

/** Whether the stream has not started for this viewer. */
export function waitsForStart(stream: Ruled | null): boolean {
  return rulesFor(stream)?.isStarted === false;
}

/** When it starts, unix milliseconds; null if that is not known. */
export function startsAtMs(stream: Ruled | null): number | null {
  const rules = rulesFor(stream);
  const at = rules?.start?.at;
  return at ? Date.parse(at) + (rules?.delay ?? 0) * 1000 : null;
}

/** Whether this viewer may make clips. */
export function mayClip(stream: Ruled | null): boolean {
  return rulesFor(stream)?.clips !== false;
}

/** By how much this viewer sees everything later, milliseconds. */
export function delayMsOf(stream: Ruled | null): number {
  return (rulesFor(stream)?.delay ?? 0) * 1000;
}

/** As a player sees the stream: one that has not started is off. */
export function playedView(stream: StreamView): StreamView {
  return waitsForStart(stream) ? { ...stream, state: 'unpublished' } : stream;
}

/** The texts and lengths of a reader. */
interface Words {
  t(key: PastText, values?: Record<string, string | number>): string;
  length(seconds: number): string;
}

type PastText =
  | 'past.hours'
  | 'past.minutes'
  | 'past.rewind'
  | 'past.forViewers'
  | 'past.rewindPart'
  | 'past.delayPart'
  | 'past.clipsPart';

/**
 * A hint for the reader; empty if there is nothing to say. To those who are exempt it says what viewers see.
 */
export function pastHint(stream: Ruled | null, words: Words): string {
  const { t } = words;
  const length = (seconds: number) => roundLength(seconds, words);
  const past = stream?.past;
  if (!past) return '';
  const { rewind, delay, clips, isExempt } = past;
  if (!isExempt) return rewind === null ? '' : t('past.rewind', { length: length(rewind) });
  const parts = [
    ...(rewind === null ? [] : [t('past.rewindPart', { length: length(rewind) })]),
    ...(delay === null ? [] : [t('past.delayPart', { length: length(delay) })]),
    ...(clips ? [] : [t('past.clipsPart')]),
  ];
  return parts.length === 0 ? '' : t('past.forViewers', { rules: parts.join(' · ') });
}

/** Whole hours and minutes without a second unit. */
function roundLength(seconds: number, { t, length }: Words): string {
  if (seconds % 3600 === 0) return t('past.hours', { count: seconds / 3600 });
  if (seconds % 60 === 0) return t('past.minutes', { count: seconds / 60 });
  return length(seconds);
}
