/**
 * Checks a link to media elsewhere: addresses and request headers.
 * In: the target of an entry. Out: a refusal, or none. RFC 9110 5.1, 5.5.
 */
import type { ItemTarget } from '../../api/room/item-shapes.ts';
import { OxbowError } from '../../lib/errors.ts';

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\u{10ffff}]*$/u;
/** Headers that belong to the connection of the proxy. */
const OWN_HEADERS = new Set([
  ...['connection', 'content-length', 'host', 'keep-alive', 'proxy-authorization', 'proxy-connection', 'range'],
  ...['te', 'trailer', 'transfer-encoding', 'upgrade'],
]);

/** @throws OxbowError `bad-request` */
export function checkLink({ url, headers = {}, subtitles = [], proxy }: Extract<ItemTarget, { kind: 'link' }>): void {
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
