/**
 * Parses times and durations in addresses.
 * In: parts of a path or query, percent-encoded. Out: µs since 1970, or OxbowError `bad-time`.
 */

import { FormatError } from '@oxbow/media/errors';
import { parseInstant } from '../api/instant.ts';
import { parseDuration } from '../lib/duration.ts';
import { OxbowError, sentenceOf } from '../lib/errors.ts';
import type { Range } from './past/past.ts';

/** Matches durations only. Ten digits are an instant: no window has ten digits of seconds. */
const DURATION = /^(?:\d{1,9}|(?:[\d.]+(?:ms|[smhdw]))+)$/;

/** Whether a text is a duration rather than an instant. */
export const isDuration = (text: string): boolean => DURATION.test(text);

/**
 * Parses an instant in one of its four forms.
 *
 * @param text percent-encoded
 * @returns µs since 1970
 * @throws OxbowError `bad-time`
 */
export function instantUs(text: string): number {
  return refusing(() => Math.round(parseInstant(decodeTime(text)) * 1000));
}

/**
 * Parses a time range.
 *
 * @param to an instant, or a duration from `from`
 * @throws OxbowError `bad-time`
 */
export function parseRange(from: string, to: string): Range {
  const fromUs = instantUs(from);
  const decoded = decodeTime(to);
  if (!isDuration(decoded)) return { fromUs, toUs: instantUs(to) };
  return { fromUs, toUs: fromUs + refusing(() => parseDuration(decoded)) * 1000 };
}

/**
 * Decodes the percent-encoding of a part of a path.
 *
 * @throws OxbowError `bad-time`
 */
export function decodeTime(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    throw new OxbowError('bad-time', 'The percent-encoding of the address is malformed.', { cause: error });
  }
}

/** Calls `parse`; turns its FormatError into OxbowError `bad-time`. */
export function refusing<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof FormatError) throw new OxbowError('bad-time', sentenceOf(error), { cause: error });
    throw error;
  }
}
