/**
 * Times that are typed in a terminal: as on the page of a stream (`-10m`, `14:05`, `yesterday 14:00`), or as
 * in addresses.
 * In: the text of an option. Out: the same instant in a form that the API takes, or a refusal.
 */

import { FormatError } from '@oxbow/media/errors';
import { parseInstant, printRfc3339 } from '../../api/instant.ts';
import { readMoment } from '../../api/moment.ts';
import { parseDuration } from '../../lib/duration.ts';
import { OxbowError, sentenceOf } from '../../lib/errors.ts';

/** The forms, for help texts. */
export const TYPED_FORMS = 'now, -10m, 14:05, "yesterday 14:00", 2026-11-19T08:00:00Z, or unix seconds';

/**
 * The instant that a text names, in the zone of this computer.
 *
 * @param nowMs ms since 1970
 * @returns the text itself if it is an instant of the API, otherwise RFC 3339
 * @throws OxbowError `bad-time`
 */
export function typedTime(text: string, nowMs: number): string {
  let cause: FormatError;
  try {
    parseInstant(text);
    return text;
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    cause = error;
  }
  const atMs = readMoment(text, nowMs);
  if (atMs !== null && atMs >= 0) return printRfc3339(atMs);
  // The forms are the hint: the message of the parser lists those of the API.
  const isOther = cause.message.includes('is not a time');
  const detail = isOther ? `"${text.slice(0, 64)}" is not a time.` : sentenceOf(cause);
  throw new OxbowError('bad-time', detail, { cause, extra: { hint: `Write ${TYPED_FORMS}.` } });
}

/** The end of a range: a time, or a duration from its start, which stays as it is. */
export function typedEnd(text: string, nowMs: number): string {
  if (/^[\d.]+(?:ms|[smhdw])/.test(text)) {
    try {
      parseDuration(text);
      return text;
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
    }
  } else if (/^\d{1,9}$/.test(text)) return text;
  return typedTime(text, nowMs);
}
