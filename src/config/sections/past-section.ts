/**
 * The settings of a stream's rules for the past, a part of the table of all settings.
 * In: text of files and of the API. Out: checked rules; the section `past` of a stream. Every type throws
 * FormatError for an invalid value.
 */
import { FormatError } from '@oxbow/media/errors';
import { parseInstant, printRfc3339 } from '../../api/instant.ts';
import { PAST_BOUNDS, type PastRuleSettings, type PastRules } from '../../api/past/past-rules.ts';
import { parseDuration, printDuration } from '../../lib/duration.ts';
import { createOption, flag, type Option, section, textOf, type Values } from '../option.ts';

type Bounds = (typeof PAST_BOUNDS)[keyof typeof PAST_BOUNDS];

/** A duration within bounds, ms; `off` and the empty text are undefined. */
function boundedDuration({ min, max }: Bounds, sentence: string): Option<number | undefined> {
  const read = (value: unknown): number | undefined => {
    if (value === '' || value === 'off' || value === false) return undefined;
    return readBounded(textOf(value, 'a duration such as 30m'), { min, max });
  };
  const print = (ms: number | undefined) => (ms === undefined ? 'off' : printDuration(ms));
  const json = { anyOf: [{ type: ['string', 'number'] }, { const: 'off' }] };
  return createOption({ placeholder: 'DURATION', json, read, print }, '', sentence);
}

function readBounded(text: string, { min, max }: { readonly min: number; readonly max: number }): number {
  const ms = parseDuration(text);
  if (ms < min) throw new FormatError(`"${text}" is shorter than ${printDuration(min)}`, 0);
  if (ms > max) throw new FormatError(`"${text}" is longer than ${printDuration(max)}`, 0);
  return ms;
}

/** `mark`, a time, or nothing. */
function startOption(sentence: string): Option<PastRules['start']> {
  const read = (value: unknown): PastRules['start'] => {
    if (value instanceof Date) return value.getTime(); // YAML has dates
    if (value === '' || value === 'off' || value === false) return undefined;
    return readStart(textOf(value, '`mark` or a time'));
  };
  const print = (start: PastRules['start']) => (typeof start === 'number' ? printRfc3339(start) : (start ?? 'off'));
  return createOption({ placeholder: 'mark|TIME', json: { type: 'string' }, read, print }, '', sentence);
}

function readStart(text: string): 'mark' | number {
  return text === 'mark' ? text : parseInstant(text);
}

/** Rules that restrict something; undefined if there are none. */
export function pastRulesOf({ rewindMs, start, delayMs, clips }: PastRules): PastRules | undefined {
  const rules: PastRules = {
    ...(rewindMs !== undefined && { rewindMs }),
    ...(start !== undefined && { start }),
    ...(delayMs !== undefined && { delayMs }),
    ...(clips === false && { clips }),
  };
  return Object.keys(rules).length === 0 ? undefined : rules;
}

/**
 * The rules of a request.
 *
 * @returns undefined if none restricts anything
 * @throws FormatError for an invalid value
 */
export function readPastRules({ rewind, start, delay, clips }: PastRuleSettings): PastRules | undefined {
  const has = (text: string | null | undefined): text is string => typeof text === 'string' && text !== '';
  return pastRulesOf({
    rewindMs: has(rewind) ? readBounded(rewind, PAST_BOUNDS.rewindMs) : undefined,
    start: has(start) ? readStart(start) : undefined,
    delayMs: has(delay) ? readBounded(delay, PAST_BOUNDS.delayMs) : undefined,
    clips: clips === false ? clips : undefined,
  });
}

/** The values of the section as rules. */
export function pastRulesOfSection({ rewind, start, delay, clips }: Values<typeof pastSection>): PastRules | undefined {
  return pastRulesOf({ rewindMs: rewind, start, delayMs: delay, clips: clips ? undefined : false });
}

export const pastSection = section({
  rewind: boundedDuration(
    PAST_BOUNDS.rewindMs,
    'How far viewers rewind from the live edge that they see, at least `1m`. Default: all that is kept. Users with a right on the stream are exempt from the rules of `past`.',
  ),
  start: startOption(
    '`mark`: viewers see nothing from before the last start mark, which the broadcaster sets when the show begins, and nothing until then. A time: nothing from before it. Default: no such rule.',
  ),
  delay: boundedDuration(
    PAST_BOUNDS.delayMs,
    'By how much viewers see everything later, from `1s` to `3m`. Default: not at all.',
  ),
  clips: flag(true, 'Whether viewers may make clips, exports and stills.'),
});
