/**
 * Fetches media from elsewhere for the members of a room: items whose servers need headers, or do not allow
 * other pages (CORS).
 * In: sealed addresses, requests of members. Out: answers: bytes by range, rewritten playlists and manifests,
 * subtitles as WebVTT. Every request goes through the guarded client.
 */

import { FormatError } from '@oxbow/media/errors';
import { segmentAddress } from '@oxbow/media/mpd/segment-names';
import { MAX_SUBTITLE_FILE } from '@oxbow/media/subtitles/bounds';
import { parseSubtitleFile } from '@oxbow/media/subtitles/file';
import { printVtt } from '@oxbow/media/webvtt/print';
import { withDeadline } from '../../../lib/abort.ts';
import type { Clock } from '../../../lib/clock.ts';
import { OxbowError } from '../../../lib/errors.ts';
import type { Net, NetResponse } from '../../../net/net.ts';
import { ManifestCache } from './manifest-cache.ts';
import { bytesOf, mayBeMedia, passedAs } from './media-type.ts';
import { type ManifestPlace, rewriteManifest, rewritePlaylist } from './rewrite-manifest.ts';
import { type AddressSeal, expiryOf, type SealedAddress } from './sealed-address.ts';

/** Media at another server. */
export interface ElsewhereMedia {
  readonly url: string;
  readonly type: 'hls' | 'dash' | 'file' | undefined;
  /** Secrets among them go only to the server of `url`. */
  readonly headers: Readonly<Record<string, string>>;
}

interface ProxyAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Dispose it when the client has left. */
  readonly body: AsyncIterable<Uint8Array>;
  readonly close: () => void;
}

/** A request of a member. */
interface ProxyRequest {
  readonly token: string;
  /** Path after the token. */
  readonly rest: string;
  /** Query with `?`, or empty. */
  readonly query: string;
  readonly range: string | undefined;
  /** Id of the user. */
  readonly user: string;
  /** Called with the number of addresses in a playlist or manifest that was rewritten for this request. */
  readonly rewrote?: ((addresses: number) => void) | undefined;
  readonly signal: AbortSignal;
}

/** Dependencies of the proxy. */
interface MediaProxyOptions {
  readonly net: Pick<Net, 'fetch'>;
  readonly seal: AddressSeal;
  readonly clock: Clock;
  /** The media of an item; undefined if the room or the item is gone, or it is no media from elsewhere. */
  readonly media: (
    room: string,
    item: string,
    options: { readonly signal: AbortSignal },
  ) => Promise<ElsewhereMedia | undefined>;
  /** Called at the end of each request, with the bytes that were passed on. */
  readonly onEnd?: (result: string, bytes: number) => void;
}

/** Longest playlist or manifest, bytes. */
const MAX_MANIFEST = 8 * 1024 * 1024;
/** Longest file or range: a film. */
const MAX_BYTES = 200 * 1024 ** 3;
const MANIFEST_WITHIN_MS = 15_000;
const BODY_WITHIN_MS = 12 * 3_600_000;
const IDLE_MS = 20_000;
/** Requests at a time; more are refused with `busy`. */
const MAX_REQUESTS = 500;
const MAX_OF_ROOM = 60;
/** In all rooms. A player has a few; a client that does not read keeps those that it has. */
const MAX_OF_USER = 12;

/** Longest token of a template: the head of a request has 16 KiB in all. */
const MAX_SEGMENTS_TOKEN = 8 * 1024;
/** `/`, `\` and `.`: servers differ in when they decode them. */
const ENCODED_SEPARATOR = /%(?:2f|5c|2e)/i;

/** Headers of an answer that are passed on. */
const PASSED_HEADERS = ['content-length', 'content-range', 'accept-ranges', 'etag', 'last-modified'] as const;
/** A client shows such an answer neither as a page nor in one of its pages. */
const SAFE = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; sandbox",
  'cross-origin-resource-policy': 'same-origin',
} as const;

export class MediaProxy {
  readonly #options: MediaProxyOptions;
  readonly #manifests: ManifestCache;
  /** Requests at a time of rooms and of users, by their ids. */
  readonly #ofRooms = new Map<string, number>();
  readonly #ofUsers = new Map<string, number>();
  #count = 0;

  constructor(options: MediaProxyOptions) {
    this.#options = options;
    this.#manifests = new ManifestCache(() => options.clock.monotonicMs());
  }

  /**
   * The address of a link's media, relative to the room's `media/` folder. The query is not in it: it may
   * have secrets.
   */
  mediaAddress(room: string, item: string, { url }: Pick<ElsewhereMedia, 'url'>): string {
    return this.#address({ room, item, kind: 'file', url });
  }

  /** The address of subtitles as WebVTT. */
  subtitleAddress(room: string, item: string, url: string): string {
    return this.#address({ room, item, kind: 'subtitle', url });
  }

  #address(of: Omit<SealedAddress, 'expiresMs'>): string {
    const url = new URL(of.url);
    url.hash = '';
    const token = this.#options.seal.seal({ ...of, url: url.href, expiresMs: expiryOf(this.#options.clock.nowMs()) });
    return `${token}/${nameOf(url)}`;
  }

  /**
   * Fetches the address of a member's request.
   *
   * @throws OxbowError `proxy-refused` for an address that this server did not seal, or that has expired;
   *   `item-unknown`; `busy`; as the guarded client: `address-refused`, `source-failed`
   */
  async fetch(room: string, request: ProxyRequest): Promise<ProxyAnswer> {
    const { seal, clock, media } = this.#options;
    const sealed = seal.open(request.token);
    if (!sealed || sealed.room !== room) throw refused('The address was not issued for this room.');
    if (clock.nowMs() >= sealed.expiresMs) throw refused('The address has expired.');
    const target = await media(room, sealed.item, request);
    if (!target) throw new OxbowError('item-unknown', 'The item is no longer in the playlist.');
    const url = upstreamOf(sealed, request, seal);
    const leave = this.#enter(room, request.user);
    try {
      return await this.#answer(sealed, target, url, request, leave);
    } catch (cause) {
      const error = cause instanceof FormatError ? malformed(cause) : cause;
      leave(error instanceof OxbowError ? error.code : 'failed', 0);
      throw error;
    }
  }

  /** Counts a request in; the returned function counts it out, once. */
  #enter(room: string, user: string): (result: string, bytes: number) => void {
    const ofRoom = this.#ofRooms.get(room) ?? 0;
    const ofUser = this.#ofUsers.get(user) ?? 0;
    if (this.#count >= MAX_REQUESTS || ofRoom >= MAX_OF_ROOM || ofUser >= MAX_OF_USER) {
      throw new OxbowError('busy', 'The media proxy has too many requests at a time.');
    }
    this.#count += 1;
    this.#ofRooms.set(room, ofRoom + 1);
    this.#ofUsers.set(user, ofUser + 1);
    let isOpen = true;
    return (result, bytes) => {
      if (!isOpen) return;
      isOpen = false;
      this.#count -= 1;
      countOut(this.#ofRooms, room);
      countOut(this.#ofUsers, user);
      this.#options.onEnd?.(result, bytes);
    };
  }

  async #answer(
    sealed: SealedAddress,
    target: ElsewhereMedia,
    url: URL,
    request: ProxyRequest,
    leave: (result: string, bytes: number) => void,
  ): Promise<ProxyAnswer> {
    const { range, signal } = request;
    const ending = new AbortController();
    const end = () => ending.abort(signal.reason);
    if (signal.aborted) end();
    signal.addEventListener('abort', end, { once: true });
    const fetch = (maxBytes: number, deadlineMs: number, headers: Readonly<Record<string, string>>) =>
      this.#options.net.fetch(url, {
        signal: ending.signal,
        maxBytes,
        deadlineMs,
        idleMs: IDLE_MS,
        headers: { ...target.headers, ...headers },
        // Secrets among the item's headers go only to its server.
        home: new URL(target.url),
      });
    if (sealed.kind === 'subtitle') {
      using response = checked(await fetch(MAX_SUBTITLE_FILE, MANIFEST_WITHIN_MS, {}));
      const { cues } = parseSubtitleFile(await response.body());
      return whole(printVtt({ header: 'WEBVTT', cues }), 'text/vtt; charset=utf-8', 'private, max-age=3600', leave);
    }
    // Its addresses are relative to the one that was requested.
    const key = `${request.token}/${request.rest} ${url.search}`;
    const cached = this.#manifests.get(key);
    if (cached) return whole((await cached).text, (await cached).contentType, 'private, no-cache', leave);

    const response = checked(
      await fetch(MAX_BYTES, BODY_WITHIN_MS, {
        // Ranges are of the bytes that are sent.
        'accept-encoding': 'identity',
        ...(range !== undefined && { range }),
      }),
    );
    const isEntry = url.href === new URL(target.url).href;
    const type = response.headers['content-type'];
    if (sealed.kind === 'segments' && !mayBeMedia(type)) {
      response[Symbol.dispose]();
      throw new OxbowError('source-failed', 'The server of the media answered with a type that is no media.');
    }
    const passed =
      sealed.kind === 'segments' ? bytesOf(type) : passedAs(type, response.url.pathname, isEntry, target.type);
    if (passed.as === 'bytes') return through(response, passed.contentType, leave);
    if (range !== undefined) {
      // A part of a manifest is none: everyone else would get it from memory.
      response[Symbol.dispose]();
      return this.#answer(sealed, target, url, { ...request, range: undefined }, leave);
    }
    // Others wait for it from now on: it does not end with this client.
    signal.removeEventListener('abort', end);
    const read = this.#manifests.put(key, async () => {
      using _ = response;
      using deadline = withDeadline(MANIFEST_WITHIN_MS, 'the manifest', ending);
      deadline.signal.addEventListener('abort', () => ending.abort(deadline.signal.reason));
      const text = await textOf(response);
      const place = this.#placeOf(sealed, request, response.url);
      return passed.as === 'playlist'
        ? { text: rewritePlaylist(text, place), contentType: 'application/vnd.apple.mpegurl' }
        : { text: rewriteManifest(text, place), contentType: 'application/dash+xml' };
    });
    const { text, contentType } = await read;
    return whole(text, contentType, 'private, no-cache', leave);
  }

  /** The new addresses of a playlist or manifest. `url` has answered. */
  #placeOf(sealed: SealedAddress, { token, rest, rewrote }: ProxyRequest, url: URL): ManifestPlace {
    const { seal } = this.#options;
    const { room, item, expiresMs } = sealed;
    // From the folder of the request to that of its token.
    const up = '../'.repeat(rest.split('/').length - 1);
    const folder = folderOf(sealed.url);
    return {
      url: url.href,
      variables: sealed.variables,
      counted: rewrote ?? (() => {}),
      proxied(target, variables) {
        const path = target.href.startsWith(folder) ? target.href.slice(folder.length) : '';
        // Most are next to their playlist, where a mark is enough. A query may have secrets.
        if (path !== '' && target.search === '' && !variables && !ENCODED_SEPARATOR.test(path))
          return `${up || './'}${seal.mark(token, path)}/${path}`;
        const sealedTarget = seal.seal({ room, item, kind: 'file', url: target.href, expiresMs, variables });
        return `${up}../${sealedTarget}/${nameOf(target)}`;
      },
      segments(names) {
        const sealedNames = seal.seal({ room, item, kind: 'segments', url: '', expiresMs, names });
        if (sealedNames.length > MAX_SEGMENTS_TOKEN)
          throw new FormatError('a template has too many Representations', 0);
        return `${up}../${sealedNames}/`;
      },
    };
  }
}

function countOut(counts: Map<string, number>, id: string): void {
  const left = counts.get(id)! - 1;
  if (left > 0) counts.set(id, left);
  else counts.delete(id);
}

/** The last part of the path; never empty. */
const nameOf = (url: URL): string => {
  const name = url.pathname.split('/').at(-1) || 'media';
  return ENCODED_SEPARATOR.test(name) ? 'media' : name;
};

const folderOf = (url: string): string => (url === '' ? 'none:' : new URL('.', url).href);

/** The upstream address that is requested. Throws `proxy-refused` if the token does not cover it. */
function upstreamOf(
  { kind, url, names }: SealedAddress,
  { token, rest, query }: Pick<ProxyRequest, 'token' | 'rest' | 'query'>,
  seal: AddressSeal,
): URL {
  if (ENCODED_SEPARATOR.test(rest)) throw refused('The address has an encoded separator.');
  if (names) {
    const address = segmentAddress(names, rest);
    if (address === undefined) throw refused('The manifest does not name such a segment.');
    return new URL(address);
  }
  const requested = rest === nameOf(new URL(url)) ? new URL(url) : kind === 'file' && marked(url, token, rest, seal);
  if (!requested) throw refused('The address was not issued.');
  // Blocking reloads and deltas of a low-latency playlist (RFC 8216bis 6.2.5).
  for (const [name, value] of new URLSearchParams(query))
    if (name.startsWith('_HLS_')) requested.searchParams.set(name, value);
  return requested;
}

/** An address below the folder of the token's, which a playlist has named. */
function marked(url: string, token: string, rest: string, seal: AddressSeal): URL | undefined {
  const slash = rest.indexOf('/');
  const path = rest.slice(slash + 1);
  return slash > 0 && seal.isMark(rest.slice(0, slash), token, path) ? new URL(folderOf(url) + path) : undefined;
}

/** A playlist, manifest or subtitle file that is none, such as a page in its place. */
function malformed(cause: FormatError): OxbowError {
  return new OxbowError('source-failed', `The server of the media sent what cannot be read: ${cause.message}.`, {
    cause,
  });
}

function refused(detail: string): OxbowError {
  return new OxbowError('proxy-refused', detail);
}

/** Throws `source-failed` for an answer without media. */
function checked(response: NetResponse): NetResponse {
  if (response.status === 200 || response.status === 206 || response.status === 416) return response;
  response[Symbol.dispose]();
  throw new OxbowError('source-failed', `The server of the media answered with HTTP ${response.status}.`);
}

async function textOf(response: NetResponse): Promise<string> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of response.stream()) {
    length += piece.length;
    if (length > MAX_MANIFEST) throw new OxbowError('source-failed', 'The playlist is too long.');
    pieces.push(piece);
  }
  return new TextDecoder().decode(Buffer.concat(pieces));
}

function whole(
  text: string,
  contentType: string,
  caching: string,
  leave: (result: string, bytes: number) => void,
): ProxyAnswer {
  const bytes = new TextEncoder().encode(text);
  leave('ok', bytes.length);
  return {
    status: 200,
    headers: { ...SAFE, 'content-type': contentType, 'cache-control': caching, 'content-length': String(bytes.length) },
    body: (async function* () {
      yield bytes;
    })(),
    close: () => {},
  };
}

function through(
  response: NetResponse,
  contentType: string,
  leave: (result: string, bytes: number) => void,
): ProxyAnswer {
  const headers: Record<string, string> = {
    ...SAFE,
    'content-type': contentType,
    'cache-control': 'private, max-age=3600',
  };
  for (const name of PASSED_HEADERS) {
    const value = response.headers[name];
    if (typeof value === 'string') headers[name] = value;
  }
  // The client has unpacked it: the length is that of other bytes.
  if (response.headers['content-encoding'] !== undefined) delete headers['content-length'];
  let sent = 0;
  const close = (result = 'left') => {
    response[Symbol.dispose]();
    leave(result, sent);
  };
  return {
    status: response.status,
    headers,
    body: (async function* () {
      let result = 'failed';
      try {
        for await (const block of response.stream()) {
          sent += block.length;
          yield block;
        }
        result = 'ok';
      } finally {
        close(result);
      }
    })(),
    close: () => close(),
  };
}
