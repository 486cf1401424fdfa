/**
 * Parses the addresses of WHIP targets and WHEP sources: `whip+https://HOST/PATH?key=KEY`, `whep+https://…`;
 * with `http` too.
 * In: text of settings and the API. Out: the address of the HTTP requests, and the key that they send.
 * RFC 9725 4.7, draft-ietf-wish-whep.
 */
import { FormatError } from '@oxbow/media/errors';

const MAX_LENGTH = 4096;

/** A server, and the key for it. */
export interface WebRtcAddress {
  /** Of the first request: `http:` or `https:`, without the key. */
  readonly url: URL;
  /** Sent as `Authorization: Bearer`; undefined without one. */
  readonly key: string | undefined;
  /** Name or address, without brackets. */
  readonly host: string;
  readonly port: number;
}

/** Whether a text is the address of a WHEP source. */
export function isWhepUrl(text: string): boolean {
  return /^whep\+https?:\/\//i.test(text.trim());
}

/**
 * Parses the address of a source.
 * @throws FormatError for another form; without the address, which may have secrets
 */
export function parseWhepUrl(text: string): WebRtcAddress {
  const address = isWhepUrl(text) ? parseWebRtcUrl(text) : undefined;
  if (!address) throw new FormatError('a WHEP source is whep+https://HOST/PATH, perhaps with ?key=KEY', 0);
  return address;
}

/**
 * Parses an address with or without `whip+` or `whep+`. The parameter `key` is taken out; everything else is
 * sent as it is written.
 *
 * @returns undefined for another form
 */
export function parseWebRtcUrl(address: string): WebRtcAddress | undefined {
  const text = address.trim().replace(/^whip\+|^whep\+/i, '');
  const url = text.length <= MAX_LENGTH && /^https?:\/\/[^\s]+$/i.test(text) ? URL.parse(text) : null;
  if (!url || url.hostname === '' || url.port === '0' || url.username !== '' || url.password !== '') return undefined;
  const parameters = url.search.replace(/^\?/, '').split('&');
  const isKey = (each: string) => each.startsWith('key=');
  const key = parameters.find(isKey)?.slice('key='.length) ?? '';
  url.search = parameters.filter((each) => !isKey(each)).join('&');
  url.hash = '';
  const decoded = decode(key);
  // A header field takes only visible ASCII, RFC 6750 2.1.
  if (!/^[\x21-\x7e]*$/.test(decoded)) return undefined;
  return {
    url,
    key: decoded === '' ? undefined : decoded,
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port),
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a single % is literal
  }
}
