/**
 * Finds the bytes for a live address at once: lists of the version that is now, parts and segments while they are new.
 * In: the target of a GET. Out: a response to write, what to wait for, or undefined if the slow path must answer. docs/media.md 23a, 27.
 */
import { isLiveAddress, type LiveAddress, parseMediaAddress } from '../../api/media-address.ts';
import { splitTarget } from '../../api/signed-path.ts';
import type { ListState, LiveLookup } from '../../delivery/live/live-lookup.ts';
import { isPending, type PendingReply } from '../../delivery/live/pending-reply.ts';
import type { Reply } from '../../delivery/reply.ts';
import { type RawResponse, type ResponseForm, rawResponseOf } from './raw-response.ts';

/** Media that is asked for is asked for now, by everyone; older than this, ms, it is let go. */
const KEPT_MS = 6000;
const SWEEP_MS = 2000;
/** Of media over all streams. Beyond it the oldest goes first. */
const MAX_BYTES = 64 * 1024 * 1024;
/** Lists, and what is waited for, of one version of one stream; players ask for a few, whoever asks for more begins anew. */
const MAX_LISTS = 1000;
/** Paths of which the address is known: what many request at the same time. */
const MAX_ADDRESSES = 4000;

/** What was found for a target. */
export interface HotResponse {
  readonly address: LiveAddress;
  /** Not everyone may watch it: shared caches must not keep it. */
  readonly isPrivate: boolean;
  /** Its bytes are kept elsewhere. */
  readonly isShared?: true;
  /** Ready, or to come. */
  readonly answer: RawResponse | PendingReply;
}

interface Lists {
  readonly list: ListState;
  version: number;
  readonly found: Map<string, HotResponse>;
}

interface Media {
  readonly list: ListState;
  readonly found: HotResponse;
  readonly bytes: number;
  readonly atMs: number;
}

/** What answers need. */
export interface ResponseCacheOptions {
  readonly lookup: LiveLookup;
  /** Whether all may watch it, whoever they are; asked each time. */
  readonly isOpen: (stream: string) => boolean;
  /** Whether the token before a path is valid for it; called each time. */
  readonly mayWatch: (token: string, address: LiveAddress) => boolean;
  /** Fields of every answer. */
  readonly head: Readonly<Record<string, string>>;
  /** Called with what prevented an answer, a refusal or a bug; the slow path then answers the request. */
  readonly failed: (error: unknown, address: LiveAddress) => void;
  /** A clock that never steps, ms. */
  readonly nowMs: () => number;
}

/** Bytes by address. */
export class ResponseCache implements Disposable {
  readonly #options: ResponseCacheOptions;
  readonly #lists = new Map<string, Lists>();
  /** In the order in which they were made. */
  readonly #media = new Map<string, Media>();
  readonly #addresses = new Map<string, LiveAddress>();
  readonly #sweeper: NodeJS.Timeout;
  #bytes = 0;

  constructor(options: ResponseCacheOptions) {
    this.#options = options;
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS).unref();
  }

  /** Bytes of media that are held. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Looks.
   *
   * @param given path and query, with a token in front or without
   */
  find(given: string, takesGzip: boolean): HotResponse | undefined {
    const { token, path, query } = splitTarget(given);
    const address = this.#addressOf(path);
    if (!address) return undefined;
    const { lookup, isOpen, mayWatch } = this.#options;
    const list = lookup.list(address.stream);
    if (!list) return undefined;
    const isPrivate = !isOpen(address.stream);
    if (token === undefined ? isPrivate : !mayWatch(token, address)) return undefined;
    const media = this.#media.get(path);
    if (media?.list === list && media.found.isPrivate === isPrivate) return media.found;
    const directives = directivesIn(query);
    if (directives === undefined) return undefined;
    const { found: lists } = this.#listsOf(address.stream, list);
    const key = `${takesGzip ? 'z' : ''}${path}?${directives}`;
    const ready = lists.get(key);
    if (ready?.isPrivate === isPrivate) return ready;
    const found = this.#look(address, directives, { takesGzip, isPrivate });
    if (!found || found.isShared) return found;
    const isMedia = address.kind === 'part' || address.kind === 'segment';
    if (isMedia && !('look' in found.answer)) this.#keep(path, list, found, found.answer);
    // What is waited for is the same for all who ask until something changes.
    else if (lists.size < MAX_LISTS) lists.set(key, found);
    return found;
  }

  /** The response of a reply that was waited for; undefined if the slow path must answer. */
  rawResponseOf(
    reply: Reply,
    found: Pick<HotResponse, 'address' | 'isPrivate'>,
    takesGzip: boolean,
  ): RawResponse | undefined {
    try {
      return rawResponseOf(reply, this.#options.head, { takesGzip, isPrivate: found.isPrivate });
    } catch (error) {
      this.#options.failed(error, found.address);
      return undefined;
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#sweeper);
    this.#media.clear();
    this.#addresses.clear();
    this.#lists.clear();
  }

  #look(address: LiveAddress, query: string, { takesGzip, isPrivate }: ResponseForm): HotResponse | undefined {
    const found = { address, isPrivate };
    const { lookup } = this.#options;
    try {
      const reply = lookup.find(address, new URLSearchParams(query));
      if (reply) {
        const answer = isPending(reply) ? reply : this.rawResponseOf(reply, found, takesGzip);
        return answer && { ...found, answer };
      }
      const recorded = lookup.findRecorded(address);
      const answer = recorded && this.rawResponseOf(recorded, found, takesGzip);
      return answer && { ...found, isShared: true, answer };
    } catch (error) {
      this.#options.failed(error, address);
      return undefined;
    }
  }

  /** Undefined if a live list cannot answer it. */
  #addressOf(path: string): LiveAddress | undefined {
    const known = this.#addresses.get(path);
    if (known) return known;
    const address = parseMediaAddress(path);
    if (!address || !isLiveAddress(address)) return undefined;
    if (this.#addresses.size >= MAX_ADDRESSES) this.#addresses.clear();
    this.#addresses.set(path, address);
    return address;
  }

  #listsOf(name: string, list: ListState): Lists {
    let lists = this.#lists.get(name);
    if (lists?.list !== list) {
      lists = { list, version: list.version, found: new Map() };
      this.#lists.set(name, lists);
    }
    if (lists.version !== list.version) {
      lists.version = list.version;
      lists.found.clear();
    }
    return lists;
  }

  #keep(path: string, list: ListState, found: HotResponse, { bodyBytes }: RawResponse): void {
    this.#forget(path);
    this.#media.set(path, { list, found, bytes: bodyBytes, atMs: this.#options.nowMs() });
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
    const beforeMs = this.#options.nowMs() - KEPT_MS;
    for (const [path, { atMs }] of this.#media) {
      if (atMs >= beforeMs) break;
      this.#forget(path);
    }
    for (const [name, { list }] of this.#lists)
      if (!this.#options.lookup.isCurrent(name, list)) this.#lists.delete(name);
  }
}

/** `_`, `H`, `L` or `S`, percent-encoded. */
const VEILED = /%(?:5f|48|4c|53)/i;

/** The directives of a query, as they stand there; undefined where one might be written in a way that only a full parser sees. */
function directivesIn(query: string): string | undefined {
  if (VEILED.test(query)) return undefined;
  if (!query.includes('_HLS_')) return '';
  return query
    .split('&')
    .filter((one) => one.startsWith('_HLS_'))
    .join('&');
}
