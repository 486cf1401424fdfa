/**
 * Finds the bytes for a live address at once: lists of the version that is now, parts and segments while they are new.
 * In: the target of a GET. Out: a wire to write, what to wait for, or nothing where the long way must be gone. MEDIA.md 23a, 27.
 */
import { parseSignedPath } from '../../accounts/signed-path.ts';
import { type Hold, isHold } from '../../delivery/hold.ts';
import { type LiveAddress, parseLiveAddress } from '../../delivery/live-address.ts';
import type { ListState, LiveNow } from '../../delivery/live-now.ts';
import type { Reply } from '../../delivery/reply.ts';
import { type Wire, type WireForm, wireOf } from './wire.ts';

/** Media that is asked for is asked for now, by everyone; older than this, ms, it is let go. */
const KEPT_MS = 6000;
const SWEEP_MS = 2000;
/** Of media over all streams. Beyond it the oldest goes first. */
const MAX_BYTES = 64 * 1024 * 1024;
/** Lists, and what is waited for, of one version of one stream; players ask for a few, whoever asks for more begins anew. */
const MAX_LISTS = 1000;

/** What was found for a target. */
export interface Found {
  readonly stream: string;
  readonly kind: LiveAddress['kind'];
  /** Not everyone may watch it: shared caches must not keep it. */
  readonly isPrivate: boolean;
  /** Its bytes are kept elsewhere. */
  readonly isShared?: true;
  /** Ready, or to come. */
  readonly answer: Wire | Hold;
}

interface Lists {
  readonly list: ListState;
  version: number;
  readonly found: Map<string, Found>;
}

interface Media {
  readonly list: ListState;
  readonly found: Found;
  readonly bytes: number;
  readonly atMs: number;
}

/** What answers need. */
export interface AnswersOptions {
  readonly now: LiveNow;
  /** Whether all may watch it, whoever they are; asked each time. */
  readonly isOpen: (stream: string) => boolean;
  /** Whether the token in front of a path gives the right to it; asked each time. */
  readonly mayWatch: (token: string, stream: string, path: string) => boolean;
  /** Fields of every answer. */
  readonly head: Readonly<Record<string, string>>;
  /** Told of what kept it from an answer, a refusal or a mistake of ours; whoever asked goes the long way. */
  readonly failed: (error: unknown, of: Pick<Found, 'stream' | 'kind'>) => void;
  /** A clock that never steps, ms. */
  readonly nowMs: () => number;
}

/** Bytes by address. */
export class ReadyAnswers implements Disposable {
  readonly #options: AnswersOptions;
  readonly #lists = new Map<string, Lists>();
  /** In the order in which they were made. */
  readonly #media = new Map<string, Media>();
  readonly #sweeper: NodeJS.Timeout;
  #bytes = 0;

  constructor(options: AnswersOptions) {
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
  find(given: string, takesGzip: boolean): Found | undefined {
    const signed = parseSignedPath(given);
    const target = signed?.path ?? given;
    if (!target.startsWith('/live/')) return undefined;
    const mark = target.indexOf('?');
    const path = mark < 0 ? target : target.slice(0, mark);
    const name = path.slice(6, path.indexOf('/', 6));
    const { now, isOpen, mayWatch } = this.#options;
    const list = now.list(name);
    if (!list) return undefined;
    const isPrivate = !isOpen(name);
    if (signed ? !mayWatch(signed.token, name, path) : isPrivate) return undefined;
    const media = this.#media.get(path);
    if (media?.list === list && media.found.isPrivate === isPrivate) return media.found;
    const query = mark < 0 ? '' : directivesIn(target.slice(mark + 1));
    if (query === undefined) return undefined;
    const { found: lists } = this.#listsOf(name, list);
    const key = `${takesGzip ? 'z' : ''}${path}?${query}`;
    const ready = lists.get(key);
    if (ready?.isPrivate === isPrivate) return ready;
    const address = parseLiveAddress(path);
    const found = address && this.#look(address, query, { takesGzip, isPrivate });
    if (!found || found.isShared) return found;
    const isMedia = found.kind === 'part' || found.kind === 'segment';
    if (isMedia && !('look' in found.answer)) this.#keep(path, list, found, found.answer);
    // What is waited for is the same for all who ask until something changes.
    else if (lists.size < MAX_LISTS) lists.set(key, found);
    return found;
  }

  /** The wire of a reply that was waited for; undefined where the long way must be gone. */
  wireOf(reply: Reply, found: Pick<Found, 'stream' | 'kind' | 'isPrivate'>, takesGzip: boolean): Wire | undefined {
    try {
      return wireOf(reply, this.#options.head, { takesGzip, isPrivate: found.isPrivate });
    } catch (error) {
      this.#options.failed(error, found);
      return undefined;
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#sweeper);
    this.#media.clear();
    this.#lists.clear();
  }

  #look(address: LiveAddress, query: string, { takesGzip, isPrivate }: WireForm): Found | undefined {
    const { kind, name: stream } = address;
    const found = { stream, kind, isPrivate };
    const { now } = this.#options;
    try {
      const reply = now.look(address, new URLSearchParams(query));
      if (reply) {
        const answer = isHold(reply) ? reply : this.wireOf(reply, found, takesGzip);
        return answer && { ...found, answer };
      }
      const recorded = now.recorded(address);
      const answer = recorded && this.wireOf(recorded, found, takesGzip);
      return answer && { ...found, isShared: true, answer };
    } catch (error) {
      this.#options.failed(error, found);
      return undefined;
    }
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

  #keep(path: string, list: ListState, found: Found, { bodyBytes }: Wire): void {
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
    for (const [name, { list }] of this.#lists) if (!this.#options.now.isCurrent(name, list)) this.#lists.delete(name);
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
