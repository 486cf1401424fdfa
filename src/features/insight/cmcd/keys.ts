/**
 * Reads the keys of Common Media Client Data: a dictionary of structured fields, as in version 2, or the list
 * of keys of version 1, which is one too.
 * In: one line of a batch, the value of a query or of header fields, as text. Out: values by key. Pure,
 * linear in the length. CTA-5004 2; CTA-5004-B; RFC 8941 3.2.
 */
import { FormatError } from '@oxbow/media/errors';

/** Longest list, characters. Players send a few hundred; the address of a response may be long. */
export const MAX_CHARACTERS = 8192;
/** Most keys, repeated ones included; most parameters of all of them. */
const MAX_KEYS = 100;
/** Most items of an inner list. */
const MAX_ITEMS = 100;

/** A value: a text, a token as its text, a number, or true and false. */
export type CmcdValue = string | number | boolean;

/** The values by key; a single value is a list with one item. Parameters of items are left out. */
export type CmcdKeys = ReadonlyMap<string, readonly CmcdValue[]>;

const KEY = /[a-z*][a-z0-9_.*-]{0,63}/y;
const NUMBER = /-?[0-9]{1,15}(?:\.[0-9]{1,6})?/y;
const TOKEN = /[A-Za-z*][A-Za-z0-9!#$%&'*+.^_`|~:/-]*/y;
const SPACE = /[ \t]*/y;
/** A text of printable characters. Players also send other ones, unescaped. */
const TEXT = /"((?:[^"\\]|\\.)*)"/suy;

/**
 * Reads a list of keys.
 *
 * @throws FormatError with the position of the first malformed character
 */
export function parseCmcdKeys(text: string): CmcdKeys {
  if (text.length > MAX_CHARACTERS)
    throw new FormatError(`has ${text.length} characters, more than ${MAX_CHARACTERS}`, MAX_CHARACTERS);
  const reader = new Reader(text);
  const keys = new Map<string, readonly CmcdValue[]>();
  reader.skipSpace();
  for (let count = 1; !reader.isAtEnd; count++) {
    if (count > MAX_KEYS) throw new FormatError(`has more than ${MAX_KEYS} keys`, reader.at);
    const key = reader.take(KEY, 'a key');
    const values = reader.takes('=') ? reader.values() : [true];
    reader.parameters();
    keys.set(key, values);
    reader.skipSpace();
    if (reader.isAtEnd) break;
    reader.expect(',');
    reader.skipSpace();
    if (reader.isAtEnd) throw new FormatError('ends with a comma', reader.at);
  }
  return keys;
}

/** Moves over a text. */
class Reader {
  /** Position of the next character. */
  at = 0;
  #parameters = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    return this.at >= this.#text.length;
  }

  skipSpace(): void {
    this.#match(SPACE);
  }

  takes(character: string): boolean {
    if (this.#text[this.at] !== character) return false;
    this.at++;
    return true;
  }

  expect(character: string): void {
    if (!this.takes(character)) throw new FormatError(`has no "${character}" where one is due`, this.at);
  }

  take(pattern: RegExp, name: string): string {
    const match = this.#match(pattern);
    if (!match) throw new FormatError(`has no ${name} where one is due`, this.at);
    return match[0];
  }

  /** One value, or those of an inner list. */
  values(): CmcdValue[] {
    if (!this.takes('(')) return [this.#value()];
    const values: CmcdValue[] = [];
    for (;;) {
      this.skipSpace();
      if (this.takes(')')) return values;
      values.push(this.#value());
      if (values.length > MAX_ITEMS) throw new FormatError(`has a list of more than ${MAX_ITEMS} items`, this.at);
      this.parameters();
    }
  }

  parameters(): void {
    while (this.takes(';')) {
      if (++this.#parameters > MAX_KEYS) throw new FormatError(`has more than ${MAX_KEYS} parameters`, this.at);
      this.skipSpace();
      this.take(KEY, 'a parameter');
      if (this.takes('=')) this.#value();
    }
  }

  #value(): CmcdValue {
    const text = this.#match(TEXT);
    if (text) return text[1]!.replace(/\\(.)/gsu, '$1');
    if (this.takes('?')) return this.take(/[01]/y, '0 or 1') === '1';
    // A date of RFC 9651 is a number with a mark.
    this.takes('@');
    const number = this.#match(NUMBER);
    if (number) return Number(number[0]);
    return this.take(TOKEN, 'a value');
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.#text);
    if (match) this.at = pattern.lastIndex;
    return match;
  }
}
