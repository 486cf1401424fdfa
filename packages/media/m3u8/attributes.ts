/**
 * Reads attribute lists, in one pass over the text.
 * In: the text after the colon of a tag. Out: values by name, with range checks. Pure. RFC 8216bis 4.2.
 */
import { FormatError } from '../errors.ts';
import type { ByteRange, Resolution } from './playlist.ts';

/** Most attributes in a list. */
const MAX_ATTRIBUTES = 200;
/** Numbers longer than this are refused before they are looked at. */
const MAX_NUMBER_LENGTH = 40;

/** An attribute list; names are as written, values without their quotes. */
export class Attributes {
  readonly #values: ReadonlyMap<string, string>;
  /** Names of those that are quoted-strings. */
  readonly #quoted: ReadonlySet<string>;
  readonly #offset: number;
  readonly #tag: string;

  /**
   * @param values by name
   * @param tag for error messages
   * @param offset of the line, for errors
   * @param quoted names of those that are quoted-strings
   */
  constructor(
    values: ReadonlyMap<string, string>,
    tag: string,
    offset: number,
    quoted: ReadonlySet<string> = new Set(),
  ) {
    this.#values = values;
    this.#quoted = quoted;
    this.#tag = tag;
    this.#offset = offset;
  }

  /** All of them, in order. */
  *entries(): Iterable<{ readonly name: string; readonly value: string; readonly isQuoted: boolean }> {
    for (const [name, value] of this.#values) yield { name, value, isQuoted: this.#quoted.has(name) };
  }

  /** The value of `name`, or undefined. */
  text(name: string): string | undefined {
    return this.#values.get(name);
  }

  /**
   * The value of `name`.
   *
   * @throws FormatError when it is missing
   */
  need(name: string): string {
    const value = this.#values.get(name);
    if (value === undefined) throw new FormatError(`${this.#tag} has no ${name}`, this.#offset);
    return value;
  }

  /** Whether `name` is YES. */
  yes(name: string): boolean {
    return this.#values.get(name) === 'YES';
  }

  /**
   * A decimal-integer, or undefined when missing.
   *
   * @throws FormatError when it is not one
   */
  integer(name: string): number | undefined {
    const value = this.#values.get(name);
    return value === undefined ? undefined : parseInteger(value, `${name} of ${this.#tag}`, this.#offset);
  }

  /**
   * A decimal-floating-point, or undefined when missing.
   *
   * @throws FormatError when it is not one, or negative without leave
   */
  float(name: string, signed = false): number | undefined {
    const value = this.#values.get(name);
    return value === undefined ? undefined : parseFloatText(value, `${name} of ${this.#tag}`, this.#offset, signed);
  }

  /** A decimal-resolution, or undefined when missing or unreadable: nothing but a label depends on it. */
  resolution(name: string): Resolution | undefined {
    const match = /^(\d{1,6})x(\d{1,6})$/i.exec(this.#values.get(name) ?? '');
    return match ? { width: Number(match[1]), height: Number(match[2]) } : undefined;
  }
}

/**
 * Parses an attribute list. Of two attributes with the same name, the first counts.
 *
 * @param text after the tag's colon
 * @param tag for error messages
 * @param offset of the line in the playlist
 * @param substitute puts variables into quoted values (EXT-X-DEFINE)
 * @throws FormatError when a quote is not closed, a `=` is missing, or there are too many
 */
export function parseAttributes(
  text: string,
  tag: string,
  offset: number,
  substitute?: (value: string) => string,
): Attributes {
  const values = new Map<string, string>();
  const quoted = new Set<string>();
  let at = 0;
  while (at < text.length) {
    const equals = text.indexOf('=', at);
    if (equals < 0) {
      // A trailing comma or blank is common enough; anything else is not an attribute.
      if (text.slice(at).trim() === '') break;
      throw new FormatError(`${tag}: an attribute has no value`, offset + at);
    }
    const name = text.slice(at, equals).trim();
    if (name === '' || name.includes(',') || name.includes('"')) {
      throw new FormatError(`${tag}: an attribute has no name`, offset + at);
    }
    let value: string;
    let end: number;
    if (text[equals + 1] === '"') {
      const close = text.indexOf('"', equals + 2);
      if (close < 0) throw new FormatError(`${tag}: the quote of ${name.slice(0, 40)} is not closed`, offset + equals);
      value = text.slice(equals + 2, close);
      if (substitute) value = substitute(value);
      if (!values.has(name)) quoted.add(name);
      end = text.indexOf(',', close + 1);
    } else {
      end = text.indexOf(',', equals + 1);
      value = text.slice(equals + 1, end < 0 ? text.length : end).trim();
    }
    if (!values.has(name)) values.set(name, value);
    if (values.size > MAX_ATTRIBUTES) throw new FormatError(`${tag} has too many attributes`, offset);
    if (end < 0) break;
    at = end + 1;
  }
  return new Attributes(values, tag, offset, quoted);
}

/**
 * A decimal-integer (4.2).
 *
 * @param name of the value, for the error
 * @returns 0 to 2^52
 * @throws FormatError when it is not one
 */
export function parseInteger(text: string, name: string, offset: number): number {
  const number = text.length <= MAX_NUMBER_LENGTH && /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(number <= 2 ** 52)) throw new FormatError(`${name} is not a whole number: ${text.slice(0, 40)}`, offset);
  return number;
}

/**
 * A decimal-floating-point or signed-decimal-floating-point (4.2), at most 10^9 on either side.
 *
 * @param name of the value, for the error
 * @throws FormatError when it is not one
 */
export function parseFloatText(text: string, name: string, offset: number, signed = false): number {
  const number =
    text.length <= MAX_NUMBER_LENGTH && /^[+-]?\d*\.?\d*$/.test(text) && /\d/.test(text) ? Number(text) : Number.NaN;
  if (!(Math.abs(number) <= 1e9) || (number < 0 && !signed)) {
    throw new FormatError(`${name} is not a number in range: ${text.slice(0, 40)}`, offset);
  }
  return number;
}

/**
 * A byte range `n[@o]` (4.4.4.2).
 *
 * @param next the offset when none is written; undefined where one must be
 * @throws FormatError when it is not one
 */
export function parseByteRange(text: string, next: number | undefined, name: string, offset: number): ByteRange {
  const at = text.indexOf('@');
  const length = parseInteger(at < 0 ? text : text.slice(0, at), name, offset);
  const start = at < 0 ? next : parseInteger(text.slice(at + 1), name, offset);
  if (start === undefined) throw new FormatError(`${name} has no offset and nothing to follow`, offset);
  return { offset: start, length };
}
