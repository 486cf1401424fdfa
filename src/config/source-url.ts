/**
 * Parses the streams of the command line: `[NAME=]URL`.
 * In: the arguments of the command. Out: stream names with their addresses.
 */

import { FormatError } from '@oxbow/media/errors';
import { invalidStreamName, isStreamName } from '../api/stream/stream-name.ts';
import { hostOf, sourceUrl } from './source-address.ts';

/** A parsed argument. */
interface NamedUrl {
  readonly name: string;
  readonly url: string;
  /** The argument has the name; otherwise it was derived. */
  readonly isGiven: boolean;
}

/** Characters of no name, and of every address before its first `=`. */
const OF_ADDRESS = /[:/?#&]/;

/**
 * Splits `NAME=URL`. Capitals become small letters and spaces `-`, as people write names.
 *
 * @returns the name; undefined where the whole argument is an address
 * @throws FormatError for a text that is meant as a name and cannot be one
 */
export function splitName(argument: string): { readonly name: string | undefined; readonly rest: string } {
  const at = argument.indexOf('=');
  const text = argument.slice(0, Math.max(0, at));
  if (at <= 0 || OF_ADDRESS.test(text)) return { name: undefined, rest: argument };
  const name = text.trim().toLowerCase().replaceAll(/\s+/g, '-');
  if (!isStreamName(name)) throw new FormatError(invalidStreamName(text), 0);
  return { name, rest: argument.slice(at + 1) };
}

/**
 * Parses one argument. Without a name, it is derived from the host: `-` for `.`, with a number if it is in
 * use.
 *
 * @param taken names in use so far
 * @throws FormatError for an invalid name or URL, or a name that is used twice
 */
export function parseNamedUrl(argument: string, taken: ReadonlySet<string>): NamedUrl {
  const { name, rest } = splitName(argument);
  if (name !== undefined) {
    if (taken.has(name)) throw new FormatError(`the name "${name}" is used twice`, 0);
    return { name, url: sourceUrl(rest), isGiven: true };
  }
  return { name: nameFromHost(hostOf(sourceUrl(argument)), taken), url: argument, isGiven: false };
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
