/**
 * Finds out what an address is: an HLS playlist, an MP4 file, or a page that yt-dlp must be asked about.
 * In: what a person typed. Out: a normal URL and who takes it. Names and types of servers are believed less than first bytes.
 */
import type { PagePattern, SourceHandler } from '../../config/page-pattern.ts';
import { OxbowError } from '../../lib/errors.ts';
import { type Net, type NetResponse, shownUrl } from '../../net/net.ts';
import { matchPattern } from './url-patterns.ts';

/** Longest address, characters. */
const MAX_URL = 4096;
/** As much of a body as tells what it is. */
const ENOUGH_BYTES = 512;
const DEADLINE_MS = 15_000;
const IDLE_MS = 10_000;
/** With these a site keeps programs away from a page that yt-dlp may open all the same. */
const GUARDED: ReadonlySet<number> = new Set([401, 403, 406, 429, 503]);

/** What an address is. */
export interface DetectedSource {
  readonly url: URL;
  readonly handler: SourceHandler;
  /** Longest it may take to find its media, ms; undefined: as the settings say. */
  readonly timeoutMs: number | undefined;
}

/** How an address is asked. */
export interface DetectOptions {
  readonly net: Net;
  /** Entries of the settings, tried before the built-in ones. */
  readonly patterns: readonly PagePattern[];
  /** Sent with the request; secrets among them only to the address's own origin. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** An administrator gave the address, so its host may be private. */
  readonly trusted: boolean;
}

/**
 * Reads an address as people paste it: without blanks around it and without fragment.
 *
 * @throws OxbowError `bad-source`
 */
export function normaliseUrl(text: string): URL {
  const given = text.trim();
  if (given.length > MAX_URL) throw new OxbowError('bad-source', `the address is longer than ${MAX_URL} characters`);
  if (/\p{Cc}/u.test(given)) throw new OxbowError('bad-source', 'the address holds a control character');
  const url = URL.parse(given);
  if (!url) throw new OxbowError('bad-source', `"${given.slice(0, 100)}" is not a URL`);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new OxbowError('bad-source', `oxbow takes http and https addresses, not ${url.protocol.slice(0, 20)}`);
  }
  url.hash = '';
  return url;
}

/**
 * What an address is: by a pattern where one matches, else by asking it. Abort rejects at once.
 *
 * @throws OxbowError `bad-source`, `address-refused`, `unsupported-media` for what is neither media nor page, `source-failed` when it
 * does not answer
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
  // yt-dlp asks whatever it is given: where a stranger typed the address, net says first whether it may be reached.
  if (pattern && (!isPage || options.trusted)) {
    return { url, handler: pattern.handler, timeoutMs: pattern.timeoutMs };
  }
  using reply = await options.net.fetch(url, {
    signal,
    headers: options.headers,
    maxBytes: Number.MAX_SAFE_INTEGER, // the first bytes are read, whatever its length
    deadlineMs: DEADLINE_MS,
    idleMs: IDLE_MS,
    ...(options.trusted && { trusted: url }),
  });
  if (pattern) return { url, handler: pattern.handler, timeoutMs: pattern.timeoutMs };
  const handler = await handlerOf(reply, url);
  if (handler === 'page') refuseUser(url);
  return { url, handler, timeoutMs: undefined };
}

/** The address of a page stands on the command line of yt-dlp, where others on the machine can read it. */
function refuseUser({ username, password }: URL): void {
  if (username === '' && password === '') return;
  throw new OxbowError('bad-source', 'the address of a page may not hold a user name or password');
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
    throw new OxbowError('source-failed', `HTTP ${status} ${shownUrl(url)}`, { extra: { sourceStatus: status } });
  }
  const found = handlerOfBytes(await firstBytes(reply), type);
  if (found) return found;
  throw new OxbowError(
    'unsupported-media',
    `${shownUrl(url)} is ${describe(type)}: neither a playlist nor an MP4 file nor a page`,
    { extra: { hint: 'Give the address of an HLS playlist (.m3u8), of an MP4 file, or of a page with a video.' } },
  );
}

async function firstBytes(reply: NetResponse): Promise<Uint8Array> {
  const bytes = new Uint8Array(ENOUGH_BYTES);
  let length = 0;
  try {
    for await (const piece of reply.stream()) {
      const part = piece.subarray(0, ENOUGH_BYTES - length);
      bytes.set(part, length);
      length += part.length;
      if (length === ENOUGH_BYTES) break;
    }
  } catch (error) {
    if (length === 0) throw error;
    // What came is enough to look at: whoever takes the source meets the fault again.
  }
  return bytes.subarray(0, length);
}

/**
 * What a body is by its first bytes, and by its type where they say nothing.
 *
 * @param bytes the first of it; a few hundred are enough
 * @param type media type in lower case, without parameters; may be empty
 * @returns undefined when nobody takes it
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
  return type === '' ? 'of a kind that oxbow does not know' : type.slice(0, 80);
}
