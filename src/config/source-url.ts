/**
 * Streams named on the command line: `[NAME=]URL`.
 * In: the arguments behind the verb. Out: stream names with their addresses.
 */
import { isStreamName } from '../api/stream-name.ts';
import { FormatError } from '../lib/errors.ts';
import { httpUrl } from './option.ts';

/** One argument, understood. */
export interface NamedUrl {
  readonly name: string;
  readonly url: string;
}

/**
 * Reads one argument. The first `=` ends a name if what is before it is a valid one; else the name is made from the host:
 * `-` for `.`, numbered if taken.
 *
 * @param taken names in use so far
 * @throws FormatError when there is no http or https URL, or the given name is taken
 */
export function parseNamedUrl(argument: string, taken: ReadonlySet<string>): NamedUrl {
  const at = argument.indexOf('=');
  const given = at > 0 ? argument.slice(0, at) : '';
  if (isStreamName(given)) {
    if (taken.has(given)) throw new FormatError(`the stream "${given}" is named twice`, 0);
    return { name: given, url: httpUrl(argument.slice(at + 1)) };
  }
  return { name: nameFromHost(new URL(httpUrl(argument)).hostname, taken), url: argument };
}

function nameFromHost(host: string, taken: ReadonlySet<string>): string {
  const base =
    host
      .toLowerCase()
      .replace(/[^a-z0-9_-]+/g, '-')
      .replace(/^[-_]+|-+$/g, '')
      .slice(0, 58) || 'stream';
  let name = base;
  for (let number = 2; taken.has(name); number++) name = `${base}-${number}`;
  return name;
}
