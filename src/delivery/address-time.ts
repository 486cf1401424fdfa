/**
 * Times and durations as they stand in addresses.
 * In: pieces of a path or query, percent-encoded. Out: µs since 1970, or the refusal that says what is wrong with them.
 */
import { parseInstant } from '../api/instant.ts';
import { parseDuration } from '../lib/duration.ts';
import { FormatError, OxbowError } from '../lib/errors.ts';
import type { Range } from './past/past.ts';

/** What only a duration looks like; ten digits are an instant, not ten digits of seconds: no window is 30 years long. */
const DURATION = /^(?:\d{1,9}|(?:[\d.]+(?:ms|[smhdw]))+)$/;

/** Whether a text is a duration rather than an instant. */
export const isDuration = (text: string): boolean => DURATION.test(text);

/**
 * An instant in one of its four forms.
 *
 * @param text percent-encoded
 * @returns µs since 1970
 * @throws OxbowError `bad-time`
 */
export function instantUs(text: string): number {
  return refusing(() => Math.round(parseInstant(decodeTime(text)) * 1000));
}

/**
 * A stretch of time.
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
 * A piece of a path without its percent-encoding.
 *
 * @throws OxbowError `bad-time`
 */
export function decodeTime(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    throw new OxbowError('bad-time', 'the address is not encoded as it should be', { cause: error });
  }
}

/** What `parse` gives; a FormatError of it is the refusal `bad-time`. */
export function refusing<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof FormatError) throw new OxbowError('bad-time', error.message, { cause: error });
    throw error;
  }
}
