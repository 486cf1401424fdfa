/**
 * Reads instants in queries and bodies.
 * In: the text of a field. Out: milliseconds since 1970, or a refusal that names the field.
 */

import { FormatError } from '@oxbow/media/errors';
import { parseInstant, printRfc3339 } from '../../api/instant.ts';
import { isDuration } from '../../delivery/address-time.ts';
import { parseDuration } from '../../lib/duration.ts';
import { OxbowError } from '../../lib/errors.ts';

/** Times are stored in µs, as whole numbers: in the year 2255 they end, ms since 1970. */
const LATEST_MS = Math.floor(Number.MAX_SAFE_INTEGER / 1000);

/** The accepted forms, for the reference. */
export const instantForms = 'Unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC.';

/** The accepted forms of the end of a range, for the reference. */
export const endForms = `${instantForms} Or a duration after \`from\`: 90s, 2h.`;

/**
 * Reads an instant.
 *
 * @param name of the field
 * @returns ms since 1970
 * @throws OxbowError `bad-time`
 */
export function readInstant(name: string, text: string): number {
  return storable(name, text, () => parseInstant(text));
}

/**
 * Reads the end of a range, as the addresses of media do.
 *
 * @param name of the field
 * @param fromMs start of the range, ms since 1970; undefined if it was not given
 * @returns ms since 1970
 * @throws OxbowError `bad-time`
 */
export function readEnd(name: string, text: string, fromMs: number | undefined): number {
  if (!isDuration(text)) return readInstant(name, text);
  if (fromMs === undefined)
    throw new OxbowError('bad-time', `\`${name}\` (${text}) is a duration, which needs \`from\`.`);
  return storable(name, text, () => fromMs + parseDuration(text));
}

function storable(name: string, text: string, parse: () => number): number {
  let ms: number;
  try {
    ms = parse();
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new OxbowError('bad-time', `\`${name}\`: ${error.message}.`, { cause: error });
  }
  if (ms > LATEST_MS) throw new OxbowError('bad-time', `\`${name}\` (${text}) is after ${printRfc3339(LATEST_MS)}.`);
  return ms;
}
