/**
 * Checks a link to media elsewhere, addresses and request headers, and takes user names and passwords out of
 * its addresses.
 * In: the target of an entry. Out: a refusal, or the target. RFC 9110 5.1, 5.5; RFC 3986 3.2.1; RFC 7617.
 */
import type { ItemTarget } from '../../../api/room/item-shapes.ts';
import { OxbowError } from '../../../lib/errors.ts';

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\u{10ffff}]*$/u;
/** Headers that belong to the connection of the proxy. */
const OWN_HEADERS = new Set([
  ...['connection', 'content-length', 'host', 'keep-alive', 'proxy-authorization', 'proxy-connection', 'range'],
  ...['te', 'trailer', 'transfer-encoding', 'upgrade'],
]);

type Link = Extract<ItemTarget, { kind: 'link' }>;

/** @throws OxbowError `bad-request` */
export function checkLink({ url, headers = {}, subtitles = [], proxy }: Link): void {
  checkAddress(url);
  for (const subtitle of subtitles) checkAddress(subtitle.url);
  if (Object.keys(headers).length > 0 && !proxy)
    throw new OxbowError('bad-request', 'Request headers need the proxy: browsers do not send them.');
  for (const [name, value] of Object.entries(headers)) {
    if (!HEADER_NAME.test(name) || OWN_HEADERS.has(name.toLowerCase()))
      throw new OxbowError('bad-request', `The request header "${name.slice(0, 80)}" cannot be set.`);
    if (!HEADER_VALUE.test(value))
      throw new OxbowError('bad-request', `The value of "${name}" has invalid characters.`);
  }
}

function checkAddress(text: string): void {
  const url = URL.parse(text);
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw new OxbowError('bad-request', 'Links begin with http:// or https://.');
}

/**
 * A target whose addresses have no user name and password: everyone in the room sees addresses. Those of a
 * link become the request header that a browser would send, which only its author and moderators see, and
 * which needs the proxy. Anything else stays as it is.
 */
export function withoutUserInfo(target: ItemTarget): ItemTarget {
  if (target.kind !== 'link') return target;
  const { url, subtitles } = target;
  if (!hasUserInfo(url) && !subtitles?.some((subtitle) => hasUserInfo(subtitle.url))) return target;
  const headers = { ...target.headers };
  const credentials = basicOf(url);
  if (credentials !== undefined && !Object.keys(headers).some((name) => name.toLowerCase() === 'authorization'))
    headers.Authorization = credentials;
  return {
    ...target,
    url: stripped(url),
    ...(subtitles && { subtitles: subtitles.map((subtitle) => ({ ...subtitle, url: stripped(subtitle.url) })) }),
    ...(Object.keys(headers).length > 0 && { headers, proxy: true }),
  };
}

const hasUserInfo = (text: string): boolean => {
  const url = URL.parse(text);
  return url !== null && (url.username !== '' || url.password !== '');
};

function stripped(text: string): string {
  const url = URL.parse(text);
  // Every other address stays as its author has written it.
  if (!url || !hasUserInfo(text)) return text;
  url.username = '';
  url.password = '';
  return url.href;
}

function basicOf(text: string): string | undefined {
  const url = URL.parse(text);
  if (!url || !hasUserInfo(text)) return undefined;
  const pair = `${decoded(url.username)}:${decoded(url.password)}`;
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a single % is literal
  }
}
