/**
 * Cache of complete HTTP/1.1 responses to live requests, by request target: playlists until the live window
 * changes, parts and segments for six seconds.
 * In: the target of a GET. Out: a response to write, a pending reply, or undefined if the slow path must
 * answer. docs/media.md 23a, 27.
 */
import { isLiveAddress, type LiveAddress, parseMediaAddress } from '../../api/media-address.ts';
import { splitTarget } from '../../api/signed-path.ts';
import type { ListState, LiveLookup } from '../../delivery/live/live-lookup.ts';
import { isPending, type PendingReply } from '../../delivery/live/pending-reply.ts';
import { windowNameOf } from '../../delivery/live/quality-window.ts';
import type { Reply } from '../../delivery/reply.ts';
import type { Sharing } from '../exchange/representation.ts';
import { type RawResponse, type ResponseForm, rawResponseOf } from './raw-response.ts';

/** All viewers request new media within seconds; older responses are removed, ms. */
const MAX_AGE_MS = 6000;
const SWEEP_MS = 2000;
/** Media of all streams; beyond it the oldest is removed. */
const MAX_BYTES = 64 * 1024 * 1024;
/** Playlists and pending replies of one version of one window; players need a few, others are not cached. */
const MAX_PLAYLISTS = 1000;
/** Parsed paths. */
const MAX_ADDRESSES = 4000;

/** The result for a target. */
export interface HotResponse {
  readonly address: LiveAddress;
  readonly sharing: Sharing;
  /** Its bytes belong to the block cache: not cached here. */
  readonly isShared?: true;
  /** Clients with a playback token get another one, by the slow path. */
  readonly isUnsigned?: true;
  readonly result: RawResponse | PendingReply;
}

/** The client of a request: its connection. */
export interface HotClient {
  /** The same object while the header fields of its requests are the same. */
  readonly clientHeaders: object | undefined;
  /** IP address, by the connection and the header fields. */
  readonly clientAddress: string;
  /** By the header field of a trusted proxy; undefined: unknown. */
  readonly clientCountry: string | undefined;
}

/** Playlists and pending replies of one version of a live window. */
interface WindowEntries {
  readonly list: ListState;
  version: number;
  readonly playlists: Map<string, HotResponse>;
}

/** A cached part or segment. */
interface MediaEntry {
  readonly list: ListState;
  /** Of the list, then. */
  readonly erasures: number;
  readonly response: HotResponse;
  readonly bytes: number;
  readonly atMs: number;
}

/** Dependencies of the cache. */
export interface ResponseCacheOptions {
  readonly lookup: LiveLookup;
  /** Who may watch a stream. Called for each request. */
  readonly sharingOf: (stream: string) => Sharing;
  /**
   * Whether a client may watch; otherwise the slow path decides. Called for each request of a restricted
   * stream, and with a token.
   */
  readonly mayWatch: (token: string | undefined, address: LiveAddress, sharing: Sharing, client: HotClient) => boolean;
  /** Header fields of each response. */
  readonly head: Readonly<Record<string, string>>;
  /** Called with an OxbowError or a bug; the slow path then answers the request. */
  readonly failed: (error: unknown, address: LiveAddress) => void;
  /** A clock that never steps, ms. */
  readonly nowMs: () => number;
}

/** The cache of one responder. */
export class ResponseCache implements Disposable {
  readonly #options: ResponseCacheOptions;
  readonly #windows = new Map<string, WindowEntries>();
  /** Oldest first. */
  readonly #media = new Map<string, MediaEntry>();
  readonly #addresses = new Map<string, LiveAddress>();
  readonly #sweeper: NodeJS.Timeout;
  #bytes = 0;

  constructor(options: ResponseCacheOptions) {
    this.#options = options;
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS).unref();
  }

  /** Bytes of cached media. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Finds or creates the response; undefined if the slow path must answer.
   *
   * @param target path and query, with a playback token in front or without
   */
  find(target: string, takesGzip: boolean, client: HotClient): HotResponse | undefined {
    const { token, path, query } = splitTarget(target);
    const address = this.#addressOf(path);
    if (!address) return undefined;
    const { lookup } = this.#options;
    const window = windowNameOf(address);
    const list = lookup.list(window);
    if (!list) return undefined;
    const sharing = this.#options.sharingOf(address.stream);
    if (!this.#admits(address, token, sharing, client)) return undefined;
    const media = this.#media.get(path);
    const isKept = media?.list === list && media.erasures === list.erasures;
    if (isKept && media.response.sharing === sharing) return media.response;
    const directives = directivesIn(query);
    if (directives === undefined) return undefined;
    const { playlists } = this.#entriesOf(window, list);
    const key = `${takesGzip ? 'z' : ''}${path}?${directives}`;
    const ready = playlists.get(key);
    if (ready?.sharing === sharing) return forClient(ready, token);
    const response = this.#create(address, directives, { takesGzip, sharing });
    if (!response || response.isShared) return response;
    const isMedia = address.kind === 'part' || address.kind === 'segment';
    if (isMedia && !('look' in response.result)) this.#keep(path, list, response, response.result);
    // A pending reply is the same for all requests until the window changes.
    else if (playlists.size < MAX_PLAYLISTS) playlists.set(key, response);
    return forClient(response, token);
  }

  /** Whether a live stream is here that the client may watch; otherwise the slow path decides. */
  mayWatch(address: LiveAddress, token: string | undefined, client: HotClient): boolean {
    if (!this.#options.lookup.list(address.stream)) return false;
    return this.#admits(address, token, this.#options.sharingOf(address.stream), client);
  }

  /** The response for a reply that was pending; undefined if the slow path must answer. */
  rawResponseOf(
    reply: Reply,
    source: Pick<HotResponse, 'address' | 'sharing'>,
    takesGzip: boolean,
  ): RawResponse | undefined {
    if (reply.signsAt) return undefined;
    try {
      return rawResponseOf(reply, this.#options.head, { takesGzip, sharing: source.sharing });
    } catch (error) {
      this.#options.failed(error, source.address);
      return undefined;
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#sweeper);
    this.#media.clear();
    this.#addresses.clear();
    this.#windows.clear();
  }

  #admits(address: LiveAddress, token: string | undefined, sharing: Sharing, client: HotClient): boolean {
    return (sharing === 'all' && token === undefined) || this.#options.mayWatch(token, address, sharing, client);
  }

  #create(address: LiveAddress, query: string, { takesGzip, sharing }: ResponseForm): HotResponse | undefined {
    const source = { address, sharing };
    const { lookup } = this.#options;
    try {
      const reply = lookup.find(address, new URLSearchParams(query));
      if (reply) {
        if (isPending(reply)) return { ...source, result: reply };
        const result = rawResponseOf(reply, this.#options.head, { takesGzip, sharing });
        return result && { ...source, ...(reply.signsAt && { isUnsigned: true }), result };
      }
      const recorded = lookup.findRecorded(address);
      const result = recorded && this.rawResponseOf(recorded, source, takesGzip);
      return result && { ...source, isShared: true, result };
    } catch (error) {
      this.#options.failed(error, address);
      return undefined;
    }
  }

  /** Undefined if the path is no live address. */
  #addressOf(path: string): LiveAddress | undefined {
    const cached = this.#addresses.get(path);
    if (cached) return cached;
    const address = parseMediaAddress(path);
    if (!address || !isLiveAddress(address)) return undefined;
    if (this.#addresses.size >= MAX_ADDRESSES) this.#addresses.clear();
    this.#addresses.set(path, address);
    return address;
  }

  #entriesOf(name: string, list: ListState): WindowEntries {
    let entries = this.#windows.get(name);
    if (entries?.list !== list) {
      entries = { list, version: list.version, playlists: new Map() };
      this.#windows.set(name, entries);
    }
    if (entries.version !== list.version) {
      entries.version = list.version;
      entries.playlists.clear();
    }
    return entries;
  }

  #keep(path: string, list: ListState, response: HotResponse, { bodyBytes }: RawResponse): void {
    this.#forget(path);
    this.#media.set(path, { list, erasures: list.erasures, response, bytes: bodyBytes, atMs: this.#options.nowMs() });
    this.#bytes += bodyBytes;
    for (const oldest of this.#media.keys()) {
      if (this.#bytes <= MAX_BYTES) break;
      this.#forget(oldest);
    }
  }

  #forget(path: string): void {
    this.#bytes -= this.#media.get(path)?.bytes ?? 0;
    this.#media.delete(path);
  }

  #sweep(): void {
    const beforeMs = this.#options.nowMs() - MAX_AGE_MS;
    for (const [path, { atMs }] of this.#media) {
      if (atMs >= beforeMs) break;
      this.#forget(path);
    }
    for (const [name, { list }] of this.#windows)
      if (!this.#options.lookup.isCurrent(name, list)) this.#windows.delete(name);
  }
}

function forClient(response: HotResponse, token: string | undefined): HotResponse | undefined {
  return response.isUnsigned && token !== undefined ? undefined : response;
}

/** `_`, `H`, `L` or `S`, percent-encoded. */
const ENCODED_LETTER = /%(?:5f|48|4c|53)/i;

/**
 * The delivery directives of a query as written; undefined if percent-encoding may hide one, which only a
 * full parser finds.
 */
function directivesIn(query: string): string | undefined {
  if (ENCODED_LETTER.test(query)) return undefined;
  if (!query.includes('_HLS_')) return '';
  return query
    .split('&')
    .filter((directive) => directive.startsWith('_HLS_'))
    .join('&');
}
