/**
 * Detects the kind of a URL: an HLS playlist, an MP4 file, or a page for yt-dlp.
 * In: the text that a user entered. Out: a normalized URL and its handler. The first bytes count more than
 * names and media types.
 */
import { explainUnsupported, readPastedAddress } from '../../api/source/pasted-address.ts';
import type { PagePattern, SourceHandler } from '../../config/page-pattern.ts';
import { OxbowError } from '../../lib/errors.ts';
import { type Net, type NetResponse, shownUrl } from '../../net/net.ts';
import { matchPattern } from './url-patterns.ts';

/** Longest address, characters. */
const MAX_URL = 4096;
/** Enough of a body to detect its kind. */
const HEAD_BYTES = 512;
const DEADLINE_MS = 15_000;
const IDLE_MS = 10_000;
/** Statuses with which sites block programs from a page that yt-dlp may still open. */
const GUARDED: ReadonlySet<number> = new Set([401, 403, 406, 429, 503]);

/** A URL and its kind. */
interface DetectedSource {
  readonly url: URL;
  readonly handler: SourceHandler;
  /** Longest time to extract its media, ms; undefined: as in the settings. */
  readonly timeoutMs: number | undefined;
}

/** Options of the detection. */
interface DetectOptions {
  readonly net: Net;
  /** Entries of the settings, tried before the built-in ones. */
  readonly patterns: readonly PagePattern[];
  /** Sent with the request; secrets only to the origin of the URL. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** An administrator entered the URL, so its host may be private. */
  readonly trusted: boolean;
}

/**
 * Normalizes a pasted URL: removes white space around it and its fragment.
 *
 * @throws OxbowError `bad-source`
 */
export function normaliseUrl(text: string): URL {
  const address = text.trim();
  if (address.length > MAX_URL) throw new OxbowError('bad-source', `The address is longer than ${MAX_URL} characters.`);
  if (/\p{Cc}/u.test(address)) throw new OxbowError('bad-source', 'The address contains a control character.');
  const url = URL.parse(address);
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    const read = readPastedAddress(address);
    const { message, hint } =
      'url' in read ? explainUnsupported('text', '') : explainUnsupported(read.unsupported, read.scheme);
    throw new OxbowError('bad-source', message, { extra: { hint } });
  }
  url.hash = '';
  return url;
}

/**
 * Detects a URL by a matching pattern, otherwise by requesting it. Abort rejects at once.
 *
 * @throws OxbowError `bad-source`, `address-refused`, `unsupported-media` if it is neither media nor a page,
 *   `source-failed` if it
 * does not respond
 */
export async function detectSource(
  text: string,
  options: DetectOptions,
  { signal }: { signal: AbortSignal },
): Promise<DetectedSource> {
  const url = normaliseUrl(text);
  const pattern = matchPattern(url, options.patterns);
  const isPage = pattern?.handler === 'page';
  if (isPage) refuseUser(url);
  // yt-dlp requests any URL, so net first checks a URL that was not entered by an administrator.
  if (pattern && (!isPage || options.trusted)) {
    return { url, handler: pattern.handler, timeoutMs: pattern.timeoutMs };
  }
  using reply = await options.net.fetch(url, {
    signal,
    headers: options.headers,
    maxBytes: Number.MAX_SAFE_INTEGER, // only the first bytes are read
    deadlineMs: DEADLINE_MS,
    idleMs: IDLE_MS,
    ...(options.trusted && { trusted: url }),
  });
  if (pattern) return { url, handler: pattern.handler, timeoutMs: pattern.timeoutMs };
  const handler = await handlerOf(reply, url);
  if (handler === 'page') refuseUser(url);
  return { url, handler, timeoutMs: undefined };
}

/** The URL of a page is an argument of yt-dlp, which other users of the machine can read. */
function refuseUser({ username, password }: URL): void {
  if (username === '' && password === '') return;
  throw new OxbowError('bad-source', 'The address of a page must not contain a user name or password.');
}

async function handlerOf(reply: NetResponse, url: URL): Promise<SourceHandler> {
  const type = String(reply.headers['content-type'] ?? '')
    .split(';', 1)[0]!
    .trim()
    .toLowerCase();
  const { status } = reply;
  const isPage = /^(text\/html|application\/xhtml\+xml)$/.test(type);
  if (GUARDED.has(status) && isPage) return 'page';
  if (status < 200 || status > 299) {
    throw new OxbowError('source-failed', `${shownUrl(url)} answered with HTTP ${status}.`, {
      extra: { sourceStatus: status },
    });
  }
  const handler = handlerOfBytes(await firstBytes(reply), type);
  if (handler) return handler;
  throw new OxbowError(
    'unsupported-media',
    `${shownUrl(url)} is ${describe(type)}: neither a playlist nor an MP4 file nor a page.`,
    { extra: { hint: 'Use the address of an HLS playlist (.m3u8), of an MP4 file, or of a page with a video.' } },
  );
}

async function firstBytes(reply: NetResponse): Promise<Uint8Array> {
  const bytes = new Uint8Array(HEAD_BYTES);
  let length = 0;
  try {
    for await (const piece of reply.stream()) {
      const part = piece.subarray(0, HEAD_BYTES - length);
      bytes.set(part, length);
      length += part.length;
      if (length === HEAD_BYTES) break;
    }
  } catch (error) {
    if (length === 0) throw error;
    // The bytes received so far suffice; the pull meets the failure again.
  }
  return bytes.subarray(0, length);
}

/**
 * Detects the handler of a body by its first bytes, otherwise by its media type.
 *
 * @param bytes the first few hundred bytes
 * @param type media type in lower case, without parameters; may be empty
 * @returns undefined if no handler supports it
 */
export function handlerOfBytes(bytes: Uint8Array, type: string): SourceHandler | undefined {
  const text = String.fromCharCode(...bytes)
    .replace(/^\u00ef\u00bb\u00bf/, '')
    .trimStart();
  if (text.startsWith('#EXTM3U')) return 'hls';
  if (/^.{4}(ftyp|moov|styp|moof)/s.test(String.fromCharCode(...bytes.subarray(0, 8)))) return 'mp4';
  if (/^<(mpd|\?xml[^>]*>\s*<mpd)\b/i.test(text)) return undefined; // DASH
  if (text.startsWith('<')) return 'page';
  if (/mpegurl$/.test(type)) return 'hls';
  if (/^(video|audio)\/(mp4|quicktime|x-m4[av])$/.test(type)) return 'mp4';
  return /^(text\/html|application\/xhtml\+xml)$/.test(type) ? 'page' : undefined;
}

function describe(type: string): string {
  if (type === 'application/dash+xml') return 'a DASH presentation';
  return type === '' ? 'of an unknown type' : type.slice(0, 80);
}
