/**
 * Parses the streams of the command line: `[NAME=]URL`.
 * In: the arguments of the command. Out: stream names with their addresses.
 */
import { isStreamName } from '../api/stream-name.ts';
import { FormatError } from '../lib/errors.ts';
import { hostOf, sourceUrl } from './source-address.ts';

/** A parsed argument. */
export interface NamedUrl {
  readonly name: string;
  readonly url: string;
}

/**
 * Parses one argument. The text before the first `=` is the name if it is valid; otherwise the name is derived from the host:
 * `-` for `.`, with a number if it is in use.
 *
 * @param taken names in use so far
 * @throws FormatError for an invalid URL or a name that is used twice
 */
export function parseNamedUrl(argument: string, taken: ReadonlySet<string>): NamedUrl {
  const at = argument.indexOf('=');
  const given = at > 0 ? argument.slice(0, at) : '';
  if (isStreamName(given)) {
    if (taken.has(given)) throw new FormatError(`the name "${given}" is used twice`, 0);
    return { name: given, url: sourceUrl(argument.slice(at + 1)) };
  }
  return { name: nameFromHost(hostOf(sourceUrl(argument)), taken), url: argument };
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
