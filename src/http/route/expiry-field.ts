/**
 * Reads the field `expires`: an instant, or a duration from now.
 * In: the text of a field. Out: milliseconds since 1970, or a refusal.
 */

import { FormatError } from '@oxbow/media/errors';
import { parseDuration } from '../../lib/duration.ts';
import { OxbowError } from '../../lib/errors.ts';
import { instantForms, readInstant } from './instant-field.ts';

/** The accepted forms, for the reference. */
export const expiresForms = `A duration from now, as \`2h\`, or an instant: ${instantForms[0]!.toLowerCase()}${instantForms.slice(1)}`;

/**
 * Reads the field `expires`.
 *
 * @param nowMs ms since 1970
 * @returns ms since 1970, after now
 * @throws OxbowError `bad-time`
 */
export function readExpiry(text: string, nowMs: number): number {
  const atMs = /^\d.*[a-z]$/.test(text) ? nowMs + readLength(text) : readInstant('expires', text);
  if (atMs <= nowMs) throw new OxbowError('bad-time', `\`expires\` (${text}) is in the past.`);
  return atMs;
}

function readLength(text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new OxbowError('bad-time', `\`expires\`: ${error.message}.`, { cause: error });
  }
}
