/**
 * Checks the address of a source that oxbow fetches or receives, by its scheme.
 * In: text of the command line, settings and the API. Out: the same text, if oxbow can read such a source.
 */
import { basename } from 'node:path';
import { FormatError } from '@oxbow/media/errors';
import { isRtspUrl, parseRtspUrl } from '@oxbow/wire/rtsp/rtsp-url';
import { explainUnsupported, readPastedAddress } from '../api/source/pasted-address.ts';
import { isSdpUrl, parseSdpUrl } from './sdp-url.ts';
import { isSrtUrl, parseSrtUrl } from './srt-url.ts';
import { isUdpUrl, parseUdpUrl } from './udp-url.ts';
import { isWhepUrl, parseWhepUrl } from './webrtc-url.ts';

/**
 * Checks an address: `http://`, `https://`, `rtsp://`, `rtsps://`, `udp://`, `srt://`, `sdp://`,
 * `whep+https://` or `whep+http://`.
 *
 * @returns the text, unchanged
 * @throws FormatError for any other text
 */
export function sourceUrl(text: string): string {
  if (isUdpUrl(text)) {
    parseUdpUrl(text);
    return text;
  }
  if (isSrtUrl(text)) {
    parseSrtUrl(text);
    return text;
  }
  if (isSdpUrl(text)) {
    parseSdpUrl(text);
    return text;
  }
  if (isRtspUrl(text)) {
    parseRtspUrl(text);
    return text;
  }
  if (isWhepUrl(text)) {
    parseWhepUrl(text);
    return text;
  }
  if (URL.canParse(text) && /^https?:/i.test(text)) return text;
  const read = readPastedAddress(text);
  const why =
    'unsupported' in read && read.unsupported !== 'text'
      ? `; ${explainUnsupported(read.unsupported, read.scheme).message}`
      : '';
  throw new FormatError(`"${text.slice(0, 200)}" is not an http, https, rtsp, udp, srt or whep+https URL${why}`, 0);
}

/**
 * Base for the name of a stream without one: the host, for `udp` the port, for `sdp` the name of the file.
 *
 * @param url checked by `sourceUrl`
 */
export function hostOf(url: string): string {
  if (isSdpUrl(url)) return basename(parseSdpUrl(url).path).replace(/\.sdp$/i, '');
  if (isWhepUrl(url)) return parseWhepUrl(url).host;
  return isUdpUrl(url) ? `udp-${parseUdpUrl(url).port}` : new URL(url).hostname;
}
