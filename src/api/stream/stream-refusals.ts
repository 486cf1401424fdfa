/**
 * The errors for a name of a stream that is invalid or unknown.
 * In: names in settings, paths and requests. Out: OxbowError. Pure.
 */
import { OxbowError } from '../../lib/errors.ts';
import { invalidStreamName, isStreamName } from './stream-name.ts';

/**
 * Parses a name.
 *
 * @returns the text
 * @throws OxbowError `bad-name` if it is not a valid name
 */
export function parseStreamName(text: string): string {
  if (!isStreamName(text)) throw new OxbowError('bad-name', invalidStreamName(text));
  return text;
}

/**
 * The error for a stream that does not exist or that the client may not see. `name` undefined: there is no
 * default stream.
 */
export function streamUnknown(name: string | undefined, extra: Readonly<Record<string, unknown>> = {}): OxbowError {
  const which = name === undefined ? 'at this address yet' : `named ${name}`;
  return new OxbowError('stream-unknown', `There is no stream ${which}.`, { extra });
}
