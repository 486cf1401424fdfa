/**
 * Instants in queries and bodies.
 * In: the text of a field. Out: milliseconds since 1970, or the refusal that names the field.
 */
import { parseInstant } from '../../api/instant.ts';
import { FormatError, OxbowError } from '../../lib/errors.ts';

/** What such a field may hold, for the reference. */
export const instantForms = 'Unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC.';

/**
 * Reads an instant.
 *
 * @param name of the field
 * @returns ms since 1970
 * @throws OxbowError `bad-time`
 */
export function readInstant(name: string, text: string): number {
  try {
    return parseInstant(text);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new OxbowError('bad-time', `\`${name}\`: ${error.message}.`, { cause: error });
  }
}
