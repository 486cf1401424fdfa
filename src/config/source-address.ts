/**
 * Checks the address of a source that oxbow fetches or receives, by its scheme.
 * In: text of the command line, settings and the API. Out: the same text, if oxbow can read such a source.
 */
import { explainUnsupported, readPastedAddress } from '../api/source/pasted-address.ts';
import { FormatError } from '../lib/errors.ts';
import { isSrtUrl, parseSrtUrl } from './srt-url.ts';
import { isUdpUrl, parseUdpUrl } from './udp-url.ts';

/**
 * Checks an address: `http://`, `https://`, `udp://` or `srt://`.
 *
 * @returns the text, unchanged
 * @throws FormatError for any other text
 */
export function sourceUrl(given: string): string {
  if (isUdpUrl(given)) {
    parseUdpUrl(given);
    return given;
  }
  if (isSrtUrl(given)) {
    parseSrtUrl(given);
    return given;
  }
  if (URL.canParse(given) && /^https?:/i.test(given)) return given;
  const read = readPastedAddress(given);
  const why =
    'unsupported' in read && read.unsupported !== 'text'
      ? `; ${explainUnsupported(read.unsupported, read.scheme).message}`
      : '';
  throw new FormatError(`"${given.slice(0, 200)}" is not an http, https, udp or srt URL${why}`, 0);
}

/**
 * Base for the name of a stream without one: the host, for `udp` the port.
 *
 * @param url checked by `sourceUrl`
 */
export function hostOf(url: string): string {
  return isUdpUrl(url) ? `udp-${parseUdpUrl(url).port}` : new URL(url).hostname;
}
