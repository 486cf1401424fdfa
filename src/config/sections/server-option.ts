/**
 * Kinds of settings for servers that oxbow uses: addresses with a user and a password, and names in them.
 * In: values of files, flags and variables. Out: options of the table of settings.
 */
import { FormatError } from '@oxbow/media/errors';
import { createOption, listKind, type Option, type OptionExtras, textOf } from '../option.ts';

/**
 * An optional `amqp:` or `amqps:` URL, with a virtual host as its path. It has a password, and is never
 * printed.
 */
export function amqpUrl(sentence: string): Option<string | undefined> {
  return serverUrl(['amqp:', 'amqps:'], 'amqp://USER:PASSWORD@rabbit.example:5672', plain(/^(\/[^/]*)?$/), sentence);
}

/**
 * An optional `redis:` or `rediss:` URL, with the number of a database as its path. It has a password, and is
 * never printed.
 */
export function redisUrl(sentence: string): Option<string | undefined> {
  const accepts = plain(/^(\/[0-9]{0,4})?$/);
  return serverUrl(['redis:', 'rediss:'], 'redis://USER:PASSWORD@redis.example:6379', accepts, sentence);
}

/**
 * An optional `nats:` or `tls:` URL, a host with a port. It may have a password, and is never printed.
 */
export function natsUrl(sentence: string): Option<string | undefined> {
  return serverUrl(['nats:', 'tls:'], 'nats://USER:PASSWORD@nats.example:4222', plain(/^\/?$/), sentence);
}

/**
 * An optional `mqtt:` or `mqtts:` URL, a host with or without a port. It may have a password, and is never
 * printed.
 */
export function mqttUrl(sentence: string): Option<string | undefined> {
  return serverUrl(['mqtt:', 'mqtts:'], 'mqtt://USER:PASSWORD@home.example:1883', plain(/^\/?$/), sentence);
}

/**
 * An optional `postgres:` or `postgresql:` URL, with a database as its path and parameters. Without a host
 * name it has a socket, in the parameter `host`. It has a password, and is never printed.
 */
export function postgresUrl(sentence: string): Option<string | undefined> {
  const example = 'postgres://USER:PASSWORD@db.example:5432/oxbow';
  return serverUrl(['postgres:', 'postgresql:'], example, ({ pathname }) => pathname.length > 1, sentence);
}

const SERVER_NAME = /^[a-z0-9][a-z0-9-]{0,31}$/;
/** Most servers of one setting. */
const MAX_SERVERS = 64;

/**
 * PostgreSQL databases by name: a map in files, text such as `b=postgres://… c=postgres://…` in variables.
 * They have passwords, and only the names are printed.
 */
export function postgresUrls(sentence: string): Option<Readonly<Record<string, string>>> {
  const read = (value: unknown): Readonly<Record<string, string>> => {
    const urls: Record<string, string> = {};
    for (const [name, address] of namedAddresses(value)) {
      if (!SERVER_NAME.test(name)) {
        throw new FormatError(`the name "${name.slice(0, 40)}" is invalid: use a-z, 0-9 and "-", at most 32`, 0);
      }
      const url = URL.parse(address);
      if (!url || !['postgres:', 'postgresql:'].includes(url.protocol) || url.pathname.length < 2) {
        throw new FormatError(
          `that of ${name} is not an address such as postgres://USER:PASSWORD@db.example:5432/oxbow`,
          0,
        );
      }
      if (urls[name] !== undefined) throw new FormatError(`the name ${name} is there twice`, 0);
      urls[name] = address;
    }
    if (Object.keys(urls).length > MAX_SERVERS) throw new FormatError(`more than ${MAX_SERVERS} databases`, 0);
    return urls;
  };
  const json = { type: ['object', 'string'], additionalProperties: { type: 'string' } };
  const print = (value: Readonly<Record<string, string>>) =>
    Object.keys(value)
      .map((name) => `${name}=***`)
      .join(' ');
  return { ...createOption({ placeholder: 'NAME=URL …', json, read, print }, '', sentence), secret: true };
}

function namedAddresses(value: unknown): readonly (readonly [string, string])[] {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return Object.entries(value).map(([name, address]) => [name, textOf(address, `a URL for ${name}`)]);
  }
  return pairsIn(textOf(value, 'names with their URLs'), 'NAME=URL');
}

/** Pairs such as `b=…`, with spaces between them. */
function pairsIn(text: string, form: string): readonly (readonly [string, string])[] {
  const pairs = text.split(/\s+/).filter((pair) => pair !== '');
  return pairs.map((pair) => {
    const at = pair.indexOf('=');
    if (at < 1) throw new FormatError(`expected ${form}`, 0);
    return [pair.slice(0, at), pair.slice(at + 1)];
  });
}

/** Largest weight. */
const MAX_WEIGHT = 1000;

/** Shares of databases by name, 0 to 1000: a map in files, text such as `catalogue=1 b=3` in variables. */
export function serverWeights(sentence: string): Option<Readonly<Record<string, number>>> {
  const read = (value: unknown): Readonly<Record<string, number>> => {
    const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
    const pairs = isMap ? Object.entries(value) : pairsIn(textOf(value, 'names with their weights'), 'NAME=WEIGHT');
    const weights: Record<string, number> = {};
    for (const [name, written] of pairs) {
      const weight = Number(written === '' ? Number.NaN : written);
      if (!Number.isInteger(weight) || weight < 0 || weight > MAX_WEIGHT)
        throw new FormatError(`the weight of ${name} is no whole number from 0 to ${MAX_WEIGHT}`, 0);
      weights[name] = weight;
    }
    return weights;
  };
  const integer = { type: 'integer', minimum: 0, maximum: MAX_WEIGHT };
  const json = { type: ['object', 'string'], additionalProperties: integer };
  const print = (weights: Readonly<Record<string, number>>) =>
    Object.entries(weights)
      .map(([name, weight]) => `${name}=${weight}`)
      .join(' ');
  return createOption({ placeholder: 'NAME=WEIGHT …', json, read, print }, '', sentence);
}

/** An address of a host without parameters. */
function plain(path: RegExp): (url: URL) => boolean {
  return ({ hostname, pathname, search, hash }) =>
    hostname !== '' && path.test(pathname) && search === '' && hash === '';
}

/** Hosts with ports: a list, or text with commas. */
export function hostPorts(sentence: string): Option<readonly string[]> {
  const check = (item: string) => {
    const { hostname, port, host } = URL.parse(`http://${item}/`) ?? {};
    if (hostname && port && host === item.toLowerCase()) return;
    throw new FormatError(`"${item.slice(0, 80)}" is not a host with a port, such as redis-1.example:26379`, 0);
  };
  return createOption(listKind('HOST:PORT,…', 'a host with a port', check), '', sentence);
}

/** First part of names in a server that others use too: a-z, 0-9, `-`, `_`, at most 31 characters. */
export function namePrefix(initial: string, sentence: string, extras?: OptionExtras): Option<string> {
  const pattern = '^[a-z0-9][a-z0-9_-]{0,30}$';
  const read = (value: unknown): string => {
    const prefix = textOf(value, 'text');
    if (new RegExp(pattern).test(prefix)) return prefix;
    throw new FormatError('use a-z, 0-9, "-" and "_", at most 31 characters, starting with a letter or digit', 0);
  };
  const kind = { placeholder: 'NAME', json: { type: 'string', pattern }, read, print: (value: string) => value };
  return createOption(kind, initial, sentence, extras);
}

function serverUrl(
  protocols: readonly string[],
  example: string,
  accepts: (url: URL) => boolean,
  sentence: string,
): Option<string | undefined> {
  const read = (value: unknown): string | undefined => {
    const address = textOf(value, 'a URL');
    if (address === '') return undefined;
    const url = URL.parse(address);
    if (url && protocols.includes(url.protocol) && accepts(url)) return address;
    throw new FormatError(`it is not an address such as ${example}`, 0);
  };
  const print = (value: string | undefined) => (value === undefined ? '' : '***');
  return { ...createOption({ placeholder: 'URL', json: { type: 'string' }, read, print }, '', sentence), secret: true };
}
