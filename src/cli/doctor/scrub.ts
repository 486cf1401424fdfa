/**
 * Removes secrets from text that leaves the machine: those in the settings, and everything that looks like
 * one.
 * In: settings, text. Out: text with `***` instead of secrets.
 */
import { valueAt } from '../../config/describe.ts';
import { listSettings } from '../../config/names.ts';
import { pathSecrets, publicAddress } from '../../config/public-address.ts';
import { type Config, schema } from '../../config/schema.ts';
import { redact } from '../../observe/redact.ts';

/** Shorter words are not secrets and are frequent. */
const LEAST_LENGTH = 4;
/** Shorter ends of the paths of relays may be words. */
const LEAST_KEY = 8;

/**
 * All secrets in the settings: tokens, users, passwords and queries of URLs, values of headers; each as
 * written, and percent-encoded as in a URL.
 */
export function secretsOf(config: Config): ReadonlySet<string> {
  const secrets = new Set<string>();
  const add = (text: string | null | undefined) => {
    if (!text || text.length < LEAST_LENGTH) return;
    secrets.add(text).add(encodeURIComponent(text));
    const inJson = JSON.stringify(text).slice(1, -1);
    secrets.add(inJson);
  };
  const addUrl = (text: string) => {
    const url = URL.parse(text);
    if (!url) return;
    for (const part of [url.username, url.password]) {
      add(part);
      add(decoded(part));
    }
    for (const value of url.searchParams.values()) add(value);
    add(url.search.slice(1));
    add(url.hash.slice(1));
  };
  /** Paths of sources and targets may be keys: only the last part that is none is left. */
  const addPath = (text: string) => {
    for (const part of pathSecrets(text)) add(part);
    const shown = publicAddress(text);
    const folders = URL.parse(text)?.pathname.split('/').slice(1, -1).join('/');
    if (shown !== text && folders) add(`${URL.parse(text)!.host}/${folders}`);
  };
  for (const { path, option } of listSettings(schema)) {
    const value = valueAt(config, path);
    if (option.secret && typeof value === 'string') add(value);
    else if (typeof value === 'string') addUrl(value);
  }
  for (const { source, relays = [], healFrom = [] } of Object.values(config.streams)) {
    for (const url of [...relays, ...healFrom]) {
      addUrl(url);
      addPath(url);
    }
    for (const url of relays.flatMap((text) => URL.parse(text) ?? [])) {
      add(`${url.host}${url.pathname}`);
      const key = url.pathname.split('/').at(-1) ?? '';
      if (key.length >= LEAST_KEY) add(key);
    }
    if (source.type !== 'pull') continue;
    for (const url of [source.url, source.backup ?? '']) {
      addUrl(url);
      addPath(url);
    }
    for (const value of Object.values(source.headers)) {
      add(value);
      // `Bearer abc`, `a=1; b=2`: also each word.
      for (const word of value.split(/[\s;,=]+/)) if (word.length >= 8) add(word);
    }
  }
  return secrets;
}

/** Like the log, with the replacement text of the settings. */
const hide = (text: string): string => redact(text).replaceAll('[redacted]', '***');

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a single % is not an escape
  }
}

const rules: readonly (readonly [RegExp, string])[] = [
  [/\b([a-z][a-z0-9+.-]*:\/\/)[^\s"'<>\\/?#]*@/gi, '$1***@'],
  [/\b([a-z][a-z0-9+.-]*:\/\/[^\s"'<>\\?#]*)[?#][^\s"'<>\\]*/gi, '$1?***'],
  [
    /\b((?:set-)?cookie|(?:proxy-)?authorization|x-api-key)(\\*["']?\s*[:=]\s*)(?:\\+".*?\\+"|"(?:[^"\\]|\\.)*"|[^\r\n"\\]+)/gi,
    '$1$2"***"',
  ],
];

/**
 * @param secrets see secretsOf
 * @param text of any kind; its lines stay lines
 */
export function scrub(text: string, secrets: ReadonlySet<string>): string {
  let clean = text;
  // Longest first: one may contain another.
  for (const secret of [...secrets].sort((a, b) => b.length - a.length)) clean = clean.replaceAll(secret, '***');
  clean = hide(clean);
  for (const [pattern, replacement] of rules) clean = clean.replace(pattern, replacement);
  return clean;
}

/**
 * Scrubs every string in JSON at any depth: an escaped quote must not hide the end of a secret.
 *
 * @returns the same JSON, indented; text that is not JSON is scrubbed as plain text
 */
export function scrubJson(text: string, secrets: ReadonlySet<string>): string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return scrub(text, secrets); // e.g. the reason why it is not available
  }
  const clean = JSON.stringify(parsed, (_, value) => (typeof value === 'string' ? scrub(value, secrets) : value), 2);
  // Again for members whose names mark their values as secret.
  return `${hide(clean)}\n`;
}
