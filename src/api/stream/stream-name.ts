/**
 * Names of streams: their pattern.
 * In: names in settings, paths and requests. Out: everything that takes a name, the web interface included;
 * without errors, so that pages do not load the table of all refusals. Pure.
 */
import { Type } from '../type.ts';

/** Source of the regular expression: 1 to 64 characters, the first a letter or digit. */
const PATTERN = '[a-z0-9][a-z0-9_-]{0,63}';
const WHOLE = new RegExp(`^${PATTERN}$`);

/** A stream's name in the schemas of the API. */
export const StreamName = Type.String({ pattern: `^${PATTERN}$`, description: 'Name of a stream.' });

/** Whether a text is a valid name of a stream. */
export function isStreamName(text: string): boolean {
  return WHOLE.test(text);
}

/** The problem of a text that is not a valid name, and what to use instead. */
export function invalidStreamName(text: string): string {
  return `Invalid stream name "${text.slice(0, 80)}". Use 1 to 64 of a-z, 0-9, "-" and "_", first a letter or digit.`;
}
