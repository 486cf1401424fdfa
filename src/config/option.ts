/**
 * The types of settings: how each is parsed from text or YAML, printed, and described to editors.
 * In: the definitions of `schema.ts`. Out: checked values. Every type throws FormatError for an invalid
 * value.
 */
import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import { availableParallelism } from 'node:os';
import { FormatError } from '@oxbow/media/errors';
import { parseDuration, printDuration } from '../lib/duration.ts';
import { parseSize } from '../lib/size.ts';

/** One setting. */
export interface Option<T> {
  readonly node: 'option';
  /** Placeholder of the value in `--help`. */
  readonly placeholder: string;
  /** Description for `--help` and the reference page. */
  readonly sentence: string;
  /** The default as it is written; empty if there is none. */
  readonly defaultText: string;
  readonly initial: T;
  /** JSON Schema of the value in a YAML file. */
  readonly json: Readonly<Record<string, unknown>>;
  /** Flag without dashes, instead of the one derived from the path. */
  readonly flag?: string;
  /** Never printed; can be read from the file in `OXBOW_…_FILE`. */
  readonly secret?: boolean;
  /** A running server applies a changed value; otherwise the next start does. */
  readonly reload?: 'live';
  /**
   * @param value a string, or a value of YAML
   * @throws FormatError with what to write instead
   */
  parse(value: unknown): T;
  /** The inverse of `parse`. */
  print(value: T): string;
}

/** Settings under one key. */
export interface Section<C extends Readonly<Record<string, Node>>> {
  readonly node: 'section';
  readonly children: C;
}

/** Sections with names that the user chooses; only in files. */
export interface NamedSections<T> {
  readonly node: 'named';
  readonly sentence: string;
  /** `live`: a running server applies changed sections; `restart`: the next start does. */
  readonly reload: 'live' | 'restart';
  readonly each: Section<Readonly<Record<string, Node>>>;
  /** @throws FormatError for an invalid name */
  checkName(name: string): void;
  /** Converts the checked settings of one section to its value. @throws FormatError */
  refine(values: Readonly<Record<string, unknown>>): T;
}

/** A node of the table of settings. */
// biome-ignore lint/suspicious/noExplicitAny: the table is walked without knowing each value's type
export type Node = Option<any> | Section<any> | NamedSections<any>;

/** The type of the values of a node. */
export type Values<N> =
  N extends Option<infer T>
    ? T
    : N extends Section<infer C>
      ? { readonly [K in keyof C]: Values<C[K]> }
      : N extends NamedSections<infer T>
        ? Readonly<Record<string, T>>
        : never;

/** Fields that a setting can add to its type. */
export interface OptionExtras {
  readonly flag?: string;
  readonly reload?: 'live';
}

/** Settings under one key. */
export function section<const C extends Readonly<Record<string, Node>>>(children: C): Section<C> {
  return { node: 'section', children };
}

/** The text of a scalar; throws for lists, maps and null. @param expected named in the error */
export function textOf(value: unknown, expected: string): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new FormatError(`expected ${expected}`, 0);
}

/** How the values of a type of setting are read and printed. */
export interface Kind<T> {
  readonly placeholder: string;
  readonly json: Readonly<Record<string, unknown>>;
  read(value: unknown): T;
  print(value: T): string;
}

/** Creates a setting; the default is read like any other text. */
export function createOption<T>(
  kind: Kind<T>,
  defaultText: string,
  sentence: string,
  extras: OptionExtras = {},
): Option<T> {
  return {
    node: 'option',
    placeholder: kind.placeholder,
    sentence,
    defaultText,
    initial: kind.read(defaultText),
    json: kind.json,
    parse: kind.read,
    print: kind.print,
    ...extras,
  };
}

const scalar = { type: ['string', 'number'] };

const durationKind: Kind<number> = {
  placeholder: 'DURATION',
  json: scalar,
  read: (value) => parseDuration(textOf(value, 'a duration such as 90s or 7d')),
  print: printDuration,
};

const sizeKind: Kind<number> = {
  placeholder: 'SIZE',
  json: scalar,
  read: (value) => parseSize(textOf(value, 'a size such as 200G')),
  print: printWhole,
};

/** Bytes in the largest unit that represents them exactly. */
function printWhole(bytes: number): string {
  const units = ['T', 'G', 'M', 'K'] as const;
  const at = units.findIndex((_, place) => bytes > 0 && bytes % 1024 ** (4 - place) === 0);
  return at < 0 ? String(bytes) : `${bytes / 1024 ** (4 - at)}${units[at]}`;
}

/** A duration; the value is milliseconds, within `min` and `max`. */
export function duration(
  defaultText: string,
  sentence: string,
  { min, max, ...extras }: OptionExtras & { readonly min?: string; readonly max?: string } = {},
): Option<number> {
  const read = (value: unknown): number => {
    const ms = durationKind.read(value);
    if (min !== undefined && ms < parseDuration(min))
      throw new FormatError(`"${String(value)}" is shorter than ${min}`, 0);
    if (max !== undefined && ms > parseDuration(max))
      throw new FormatError(`"${String(value)}" is longer than ${max}`, 0);
    return ms;
  };
  return createOption({ ...durationKind, read }, defaultText, sentence, extras);
}

/** A type whose value is optional: `off`, `false` and the empty text are undefined. */
function orNothing<T>(kind: Kind<T>, absent = 'off'): Kind<T | undefined> {
  return {
    placeholder: kind.placeholder,
    json: { anyOf: [kind.json, { const: 'off' }] },
    read: (value) => (['', 'off', false, absent].includes(value as string) ? undefined : kind.read(value)),
    print: (value) => (value === undefined ? absent : kind.print(value)),
  };
}

/** An optional duration; the value is milliseconds or undefined. */
export function optionalDuration(sentence: string, extras?: OptionExtras): Option<number | undefined> {
  return createOption(orNothing(durationKind), '', sentence, extras);
}

/** An optional size; the value is bytes or undefined. */
export function optionalSize(defaultText: string, sentence: string, extras?: OptionExtras): Option<number | undefined> {
  return createOption(orNothing(sizeKind), defaultText, sentence, extras);
}

/** A size of at least 1 MiB. */
export function size(defaultText: string, sentence: string, extras?: OptionExtras): Option<number> {
  const read = (value: unknown): number => {
    const bytes = sizeKind.read(value);
    if (bytes < 1024 * 1024) throw new FormatError('the least is 1 MiB', 0);
    return bytes;
  };
  return createOption({ ...sizeKind, read }, defaultText, sentence, extras);
}

/**
 * A size with a computed default: then the value is undefined. `off` is 0.
 *
 * @param absent description of the default
 */
export function derivedSize(absent: string, sentence: string, extras?: OptionExtras): Option<number | undefined> {
  const kind = orNothing(sizeKind, absent);
  const read = (value: unknown) => (value === 'off' || value === false ? 0 : kind.read(value));
  return createOption({ ...kind, read }, '', sentence, extras);
}

/** Bits per second, with decimal units (`800k`, `2.5M`). */
export function bitrate(defaultText: string, sentence: string, extras?: OptionExtras): Option<number> {
  const read = (value: unknown): number => {
    const text = textOf(value, 'a bitrate such as 800k');
    const match = /^(\d{1,9}(?:\.\d{1,6})?)([kM]?)$/.exec(text);
    const bits = match
      ? Math.round(Number(match[1]) * (match[2] === 'M' ? 1_000_000 : match[2] === 'k' ? 1000 : 1))
      : 0;
    if (bits < 1000) throw new FormatError(`"${text}" is not a bitrate; write 800k or 2.5M`, 0);
    return bits;
  };
  return createOption({ placeholder: 'BITRATE', json: scalar, read, print: String }, defaultText, sentence, extras);
}

/** A whole number from `min` to `max`; `even`: even numbers only. */
export function integer(
  defaultText: string,
  bounds: { readonly min: number; readonly max: number; readonly even?: boolean; readonly why?: string },
  sentence: string,
  extras?: OptionExtras,
): Option<number> {
  const range = bounds.min === bounds.max ? `${bounds.min}` : `a whole number from ${bounds.min} to ${bounds.max}`;
  const fits = (number: number) => number >= bounds.min && number <= bounds.max && !(bounds.even && number % 2 === 1);
  const read = (value: unknown): number => {
    const text = textOf(value, range);
    const number = Number(text);
    if (!/^\d{1,12}$/.test(text) || !fits(number)) {
      throw new FormatError(
        `"${text}" is not ${bounds.even ? 'an even number, ' : ''}${range}${bounds.why ? `; ${bounds.why}` : ''}`,
        0,
      );
    }
    return number;
  };
  const json = { type: 'integer', minimum: bounds.min, maximum: bounds.max };
  return createOption({ placeholder: 'N', json, read, print: String }, defaultText, sentence, extras);
}

/** A number of cores or of what runs on them: `auto` is the number of cores that this machine gives. */
export function coreCount(
  defaultText: string,
  { max }: { readonly max: number },
  sentence: string,
  extras?: OptionExtras,
): Option<number> {
  const bounds = { min: 1, max };
  const number = integer('1', bounds, sentence);
  const read = (value: unknown) => (value === 'auto' ? Math.min(max, availableParallelism()) : number.parse(value));
  const json = { anyOf: [{ type: 'integer', minimum: 1, maximum: max }, { const: 'auto' }] };
  return createOption({ placeholder: 'N|auto', json, read, print: String }, defaultText, sentence, extras);
}

/** One of a few values. */
export function choice<const W extends string>(
  values: readonly W[],
  defaultText: W,
  sentence: string,
  extras?: OptionExtras,
): Option<W> {
  const read = (value: unknown): W => {
    // YAML readers of version 1.1 make booleans of on and off.
    const text = typeof value === 'boolean' ? (value ? 'on' : 'off') : textOf(value, values.join(', '));
    const chosen = values.find((each) => each === text);
    if (chosen === undefined) throw new FormatError(`"${text}" is not one of ${values.join(', ')}`, 0);
    return chosen;
  };
  const kind = { placeholder: values.join('|'), json: { enum: values }, read, print: (value: W) => value };
  return createOption<W>(kind, defaultText, sentence, extras);
}

/** Yes or no. */
export function flag(initial: boolean, sentence: string, extras?: OptionExtras): Option<boolean> {
  const read = (value: unknown): boolean => {
    if (value === true || value === 'true' || value === 'on' || value === 'yes' || value === '1') return true;
    if (value === false || value === 'false' || value === 'off' || value === 'no' || value === '0') return false;
    throw new FormatError(`"${String(value)}" is neither true nor false`, 0);
  };
  const kind: Kind<boolean> = { placeholder: 'true|false', json: { type: 'boolean' }, read, print: String };
  return createOption(kind, String(initial), sentence, extras);
}

/** Any text, one line. `maxLength` in characters. */
export function text(
  defaultText: string,
  sentence: string,
  extras: OptionExtras & { readonly placeholder?: string; readonly maxLength?: number } = {},
): Option<string> {
  const { placeholder = 'TEXT', maxLength, ...otherExtras } = extras;
  const read = (value: unknown) => {
    const content = textOf(value, 'text');
    if (maxLength !== undefined && content.length > maxLength) {
      throw new FormatError(`it has ${content.length} characters; use at most ${maxLength}`, 0);
    }
    return content;
  };
  const json = { type: 'string', ...(maxLength !== undefined && { maxLength }) };
  return createOption({ placeholder, json, read, print: (value) => value }, defaultText, sentence, otherExtras);
}

/** Shortest secret that is hard enough to guess, characters. */
const MIN_SECRET_LENGTH = 16;

/** An optional secret of 16 characters or more, never printed. */
export function secret(sentence: string, extras?: OptionExtras): Option<string | undefined> {
  const read = (value: unknown): string | undefined => {
    const content = textOf(value, 'text');
    if (content !== '' && content.length < MIN_SECRET_LENGTH) {
      const problem = `it has ${content.length} character${content.length === 1 ? '' : 's'}`;
      throw new FormatError(
        `${problem}; use at least ${MIN_SECRET_LENGTH}, such as \`openssl rand -hex 16\` prints`,
        0,
      );
    }
    return content === '' ? undefined : content;
  };
  const print = (value: string | undefined) => (value === undefined ? '' : '***');
  return {
    ...createOption({ placeholder: 'SECRET', json: { type: 'string' }, read, print }, '', sentence, extras),
    secret: true,
  };
}

/** An optional http or https URL; the value has no trailing slash. */
export function optionalUrl(sentence: string, extras?: OptionExtras): Option<string | undefined> {
  const read = (value: unknown): string | undefined => {
    const url = textOf(value, 'a URL');
    return url === '' ? undefined : httpUrl(url).replace(/\/$/, '');
  };
  const kind = {
    placeholder: 'URL',
    json: { type: 'string' },
    read,
    print: (value: string | undefined) => value ?? '',
  };
  return createOption(kind, '', sentence, extras);
}

/** @throws FormatError if it is no address of an RTMP server with its application, without user and query */
export function checkRtmpServer(url: string): void {
  if (/^rtmps?:\/\/[^/?#\s@]+\/[^?#\s]+$/.test(url)) return;
  throw new FormatError(`"${url.slice(0, 200)}" is not an address such as rtmp://other.example/live`, 0);
}

/** An optional address of an RTMP server with its application; the value is the text, '' if not set. */
export function rtmpServerUrl(sentence: string, extras?: OptionExtras): Option<string> {
  const read = (value: unknown): string => {
    const url = textOf(value, 'a URL');
    if (url !== '') checkRtmpServer(url);
    return url;
  };
  const kind = { placeholder: 'URL', json: { type: 'string' }, read, print: (value: string) => value };
  return createOption(kind, '', sentence, extras);
}

/** An optional `smtp:` or `smtps:` URL. It has a password, and is never printed. */
export function smtpUrl(sentence: string): Option<string | undefined> {
  const read = (value: unknown): string | undefined => {
    const url = textOf(value, 'a URL');
    if (url === '') return undefined;
    const { protocol, hostname, pathname, search, hash } = URL.parse(url) ?? {};
    const isUrl = (protocol === 'smtp:' || protocol === 'smtps:') && hostname !== '';
    if (isUrl && (pathname === '' || pathname === '/') && search === '' && hash === '') return url;
    throw new FormatError('it is not an address such as smtp://USER:PASSWORD@mail.example:587', 0);
  };
  const print = (value: string | undefined) => (value === undefined ? '' : '***');
  return { ...createOption({ placeholder: 'URL', json: { type: 'string' }, read, print }, '', sentence), secret: true };
}

/**
 * Checks an http or https URL.
 *
 * @returns the text, unchanged
 * @throws FormatError for any other text
 */
export function httpUrl(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || (parsed.protocol !== 'http:' && parsed.protocol !== 'https:')) {
    throw new FormatError(`"${url.slice(0, 200)}" is not an http or https URL`, 0);
  }
  return url;
}

/** Header fields by name; only in files. */
export function headers(sentence: string): Option<Readonly<Record<string, string>>> {
  const read = (value: unknown): Readonly<Record<string, string>> => {
    if (value === '') return {};
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new FormatError('expected header names with their values', 0);
    }
    const fields: Record<string, string> = {};
    for (const [name, field] of Object.entries(value)) {
      const content = textOf(field, `text for the header ${name}`);
      if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/.test(name)) throw new FormatError(`"${name}" is not a header name`, 0);
      if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(content))
        throw new FormatError(`the header ${name} contains a control character`, 0);
      fields[name.toLowerCase()] = content;
    }
    return fields;
  };
  const json = { type: 'object', additionalProperties: { type: ['string', 'number'] } };
  const print = (value: Readonly<Record<string, string>>) => Object.keys(value).join(', ');
  return createOption({ placeholder: 'HEADERS', json, read, print }, '', sentence);
}

/** A list in files, or text with commas; `check` throws for an invalid item. */
export function listKind(
  placeholder: string,
  expected: string,
  check: (item: string) => void,
): Kind<readonly string[]> {
  return {
    placeholder,
    json: { type: ['array', 'string'], items: { type: 'string' } },
    read(value) {
      const items = Array.isArray(value) ? value : String(value ?? '').split(',');
      const list = items.map((item) => textOf(item, expected).trim()).filter((item) => item !== '');
      for (const item of list) check(item);
      return list;
    },
    print: (value) => value.join(','),
  };
}

/** Networks such as `10.0.0.0/8`, or single addresses: a list, or text with commas. */
export function networks(sentence: string, extras?: OptionExtras): Option<readonly string[]> {
  return createOption(listKind('CIDR,…', 'an address range', checkNetwork), '', sentence, extras);
}

/** Host names or addresses, without ports: a list, or text with commas. Lower case. */
export function hostNames(sentence: string, extras?: OptionExtras): Option<readonly string[]> {
  const kind = listKind('NAME,…', 'a host name', checkHostName);
  const read = (value: unknown) => kind.read(value).map((item) => item.toLowerCase());
  return createOption({ ...kind, read }, '', sentence, extras);
}

/**
 * Keys of publishers, 16 characters or more, without white space: a list, or text with commas. The values are
 * SHA-256 digests.
 */
export function publishKeys(sentence: string): Option<readonly string[]> {
  const kind = listKind('KEY,…', 'a key', checkKey);
  const read = (value: unknown) => kind.read(value).map((key) => createHash('sha256').update(key).digest('base64url'));
  const print = (value: readonly string[]) => value.map(() => '***').join(',');
  return { ...createOption({ ...kind, read, print }, '', sentence), secret: true };
}

function checkKey(item: string): void {
  if (/^[\w.~-]{16,100}$/.test(item)) return;
  throw new FormatError(
    'a key is 16 to 100 letters, digits, "-", "_", "." and "~", such as `openssl rand -hex 16` prints',
    0,
  );
}

/** Addresses of relay targets: a list, or text with commas. They have secrets, and are never printed. */
export function relayTargets(sentence: string): Option<readonly string[]> {
  const kind = listKind('URL,…', 'an address', checkRelayTarget);
  const print = (value: readonly string[]) => value.map(() => '***').join(',');
  return { ...createOption({ ...kind, print }, '', sentence), secret: true };
}

function checkRelayTarget(item: string): void {
  if (/^(rtmps?|srt|whip\+https?|https):\/\/[^/\s]+/i.test(item) && URL.canParse(item)) return;
  const schemes = 'rtmp://, rtmps://, srt://, whip+https:// or whip+http://';
  throw new FormatError(`a relay target begins with ${schemes}, and has a host`, 0);
}

function checkHostName(item: string): void {
  if (/^[A-Za-z0-9._-]{1,253}$/.test(item) || isIP(item) !== 0) return;
  throw new FormatError(`"${item.slice(0, 80).toLowerCase()}" is not a host name; write tv.example, without a port`, 0);
}

/** @throws FormatError unless it is a network or an address */
export function checkNetwork(item: string): void {
  const [address = '', bits, more] = item.split('/');
  const family = isIP(address);
  const width = family === 4 ? 32 : 128;
  const bitsFit = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= width);
  if (family === 0 || more !== undefined || !bitsFit) {
    throw new FormatError(`"${item}" is not an address range; write 10.0.0.0/8 or 192.168.1.20`, 0);
  }
}
