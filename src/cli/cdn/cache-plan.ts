/**
 * What the configuration of a cache in front of oxbow is made from, read and checked.
 * In: settings and flags. Out: a plan, which the printers of this folder turn into text. Pure.
 * docs/9-run/cdn.md.
 */
import { isIP } from 'node:net';
import { isLoopback, printEndpoint } from '../../config/address.ts';
import type { Config } from '../../config/schema.ts';
import { parseDuration } from '../../lib/duration.ts';
import { OxbowError, sentenceOf } from '../../lib/errors.ts';

/** Programs and services that a file is printed for. */
export const CACHES = ['nginx', 'varnish', 'cloudfront', 'fastly'] as const;
export type Cache = (typeof CACHES)[number];

/** What every file says. */
export interface CachePlan {
  /** Begins the names of what the file defines; letters, digits and `_`. */
  readonly name: string;
  /** The address of viewers. */
  readonly publicUrl: URL;
  /** Where the cache reaches oxbow: scheme, host, port. */
  readonly origin: URL;
  /** The `Host` that oxbow gets: on a loopback address it answers only to its names. */
  readonly originHost: string;
  /** Addresses, networks and, for Varnish, host names that may purge. */
  readonly purgeFrom: readonly string[];
  /** How long an answer of oxbow about a playback token holds, whole seconds. */
  readonly recheckS: number;
  /** The longest that a reload is held while all is well, whole seconds: a segment, and one more. */
  readonly longestWaitS: number;
}

/** Flags of the verb. */
export interface PlanFlags {
  readonly origin?: string;
  readonly name: string;
  readonly recheck: string;
  readonly purgeFrom?: string;
}

/** Settings that files are made from. */
export type PlanSettings = Pick<Config, 'publicUrl' | 'listen' | 'http' | 'tls'> & {
  readonly hls: Pick<Config['hls'], 'segmentDuration'>;
};

/** The longest time that a token which was taken back still gives media, ms. */
const MAX_RECHECK_MS = 3_600_000;
const NAME = /^[a-z][a-z0-9_]{0,31}$/;

/**
 * Reads settings and flags.
 *
 * @throws OxbowError `bad-setting` with the flag or setting, its value and what is permitted
 */
export function planOf(
  cache: string,
  { publicUrl, listen, http, tls, hls }: PlanSettings,
  flags: PlanFlags,
): CachePlan & { readonly cache: Cache } {
  const kind = CACHES.find((each) => each === cache);
  if (!kind) refuse(`oxbow prints no file for "${cache}".`, `Use one of ${CACHES.join(', ')}.`);
  if (publicUrl === undefined)
    refuse(
      'The file needs `publicUrl`, the address of viewers.',
      'Set it, or give it here: --public-url https://tv.example',
    );
  if (!NAME.test(flags.name))
    refuse(`--name is "${flags.name}".`, 'Use 1 to 32 of a-z, 0-9 and "_", first a letter: --name tv');
  const viewers = new URL(publicUrl);
  if (isService(kind) && (viewers.protocol !== 'https:' || viewers.port !== ''))
    refuse(
      `\`publicUrl\` is "${publicUrl}", and the file for ${kind} is for HTTPS on port 443.`,
      'Give the address of viewers: --public-url https://tv.example',
    );
  const address = http.address || listen;
  const own = `${tls.cert === '' ? 'http' : 'https'}://${printEndpoint({ address: reachable(address), port: http.port })}`;
  const origin = originOf(kind, flags.origin ?? own, flags.origin !== undefined);
  const host = origin.hostname.replace(/^\[|\]$/g, '');
  const isLocal = isLoopback(host) || host === 'localhost';
  const given = (flags.purgeFrom ?? '').split(',').flatMap((item) => item.trim() || []);
  return {
    cache: kind,
    name: flags.name,
    publicUrl: viewers,
    origin,
    originHost: isLocal ? 'localhost' : origin.host,
    purgeFrom: given.length > 0 ? given.map(networkOf) : isLocal ? ['127.0.0.1', '::1'] : [host],
    recheckS: recheckOf(flags.recheck),
    longestWaitS: Math.ceil(hls.segmentDuration / 1000) + 1,
  };
}

/** An address that accepts connections to all addresses is reached from this computer at its own. */
function reachable(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1';
  return address === '::' ? '::1' : address;
}

function originOf(cache: Cache, text: string, isFlag: boolean): URL {
  const url = URL.parse(text);
  const where = isFlag ? '--origin' : 'The origin, from `listen` and `http`,';
  if (!url || !['http:', 'https:'].includes(url.protocol) || url.pathname !== '/' || url.search !== '' || url.username)
    refuse(
      `${where} is "${text}", not the address of a server.`,
      'Write --origin http://10.0.0.5:8080, without a path.',
    );
  if (portOf(url) === '0')
    refuse(`${where} is "${text}", which has no port.`, 'Name it: --origin http://127.0.0.1:8080');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isService(cache) && (isIP(host) !== 0 || host === 'localhost' || !host.includes('.')))
    refuse(
      `${where} is "${text}", which ${cache} does not reach by a public host name.`,
      'Name one that leads to oxbow and not to the cache: --origin https://origin.tv.example',
    );
  if (cache === 'varnish' && url.protocol === 'https:')
    refuse(
      `${where} is "${text}", and Varnish makes no TLS connections.`,
      'Give it an address without TLS in a private network: --origin http://10.0.0.5:8080',
    );
  return url;
}

/** Whether a cache is a service on the internet. */
const isService = (cache: Cache): boolean => cache === 'cloudfront' || cache === 'fastly';

/** The port of an address, also where it is the default of its scheme. */
export function portOf({ port, protocol }: URL): string {
  return port || (protocol === 'https:' ? '443' : '80');
}

function networkOf(text: string): string {
  const [address = '', bits, ...more] = text.split('/');
  const family = isIP(address);
  const isBits = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 6 ? 128 : 32));
  if (family === 0 || !isBits || more.length > 0)
    refuse(`--purge-from has "${text}", which is not a network.`, 'Use 192.0.2.7 or 10.0.0.0/8.');
  return text;
}

function recheckOf(text: string): number {
  let ms: number;
  try {
    ms = parseDuration(text);
  } catch (error) {
    throw new OxbowError('bad-setting', `--recheck: ${sentenceOf(error)}`, {
      cause: error,
      extra: { hint: 'Use 1s to 1h: --recheck 10s' },
    });
  }
  if (ms < 1000 || ms > MAX_RECHECK_MS || ms % 1000 !== 0)
    refuse(`--recheck is "${text}".`, 'Use whole seconds, 1s to 1h: --recheck 10s');
  return ms / 1000;
}

function refuse(detail: string, hint: string): never {
  throw new OxbowError('bad-setting', detail, { extra: { hint } });
}
