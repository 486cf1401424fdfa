/**
 * The playlists of the past for hls.js: windows of ten minutes, joined into one playlist that grows ahead of
 * the playhead and drops its oldest windows. A whole night plays with the memory of half an hour.
 * In: addresses of a window's renditions, the playhead. Out: texts of Media Playlists.
 */
import { readFailure } from '../../api/client.ts';
import { onServer } from '../../api/server.ts';
import type { Recorded } from '../../timeline/recorded.ts';
import type { Facts } from './facts.ts';
import { discontinuitiesOf, printSplice, readWindow, type WindowList } from './splice.ts';
import { WINDOW_SECONDS, windowOf } from './window.ts';

/** A response that is not a playlist. */
export class ListError extends Error {
  override readonly name = 'ListError';
  /** HTTP status; 0 without a response. */
  readonly status: number;
  readonly body: string;

  constructor(status: number, body: string, options?: ErrorOptions) {
    super(`status ${status}`, options);
    this.status = status;
    this.body = body;
  }
}

/** Loads a text. Throws ListError; aborts with `signal`. */
export type FetchText = (url: string, headers: Record<string, string>, signal: AbortSignal) => Promise<string>;

/** A text and the final address it was loaded from. */
interface Loaded {
  readonly url: string;
  readonly text: string;
}

/** What a splicer is created with. */
interface SplicerParts {
  readonly stream: string;
  /** Where to start, unix milliseconds. */
  readonly atMs: number;
  readonly facts: Pick<Facts, 'window'>;
  readonly recorded: Pick<Recorded, 'find'>;
  /** The server's time, unix milliseconds. */
  readonly now: () => number;
  readonly fetchText: FetchText;
}

type Load = (fromSeconds: number) => Promise<WindowList>;

interface Rendition {
  readonly lists: Map<number, WindowList>;
  /** The newest window that was dropped. */
  before: WindowList | null;
  droppedSegments: number;
  droppedDiscontinuities: number;
}

/** The playlist reaches at least this far ahead of the playhead, milliseconds. */
const AHEAD_MS = 120_000;
/** A seek this close to a window's start may need a segment that began in the window before, milliseconds. */
const STRADDLE_MS = 15_000;
/** An open window is requested again when less than this is left of it, milliseconds. */
const GROWING_MS = 60_000;
/** A window this far before the playhead's window is dropped, milliseconds. */
const BEHIND_MS = WINDOW_SECONDS * 1000;
/** Time that recording needs until a window is available, milliseconds. */
const LATE_MS = 30_000;
/**
 * For this long after a window's start no segment may have begun in it. It is requested this early only if it
 * is needed next. Milliseconds.
 */
const BEGINS_MS = 15_000;

const windowPath = /\/vod\/[^/]+\/\d+\/\d+\/(?:v\d+\/)?([^?#]+)/;

/** The windows of one buffer, joined. */
export class Splicer {
  readonly #parts: SplicerParts;
  readonly #renditions = new Map<string, Rendition>();
  /** Starts of the windows in the playlist, unix seconds, in order. */
  readonly #order: number[];
  #playheadMs: number;
  /** Nothing is recorded after the last window. */
  #ended = false;
  #begun: Promise<void> | null = null;
  #extending: Promise<void> | null = null;
  #droppedSegments = 0;
  #droppedDiscontinuities = 0;

  constructor(parts: SplicerParts) {
    this.#parts = parts;
    this.#playheadMs = parts.atMs;
    this.#order = [windowOf(parts.atMs).fromSeconds];
  }

  /** Adds the window before the first one if the start is close to it and it has media. */
  async #begin(): Promise<void> {
    const { atMs, recorded, now } = this.#parts;
    const { fromSeconds } = windowOf(atMs);
    const edgeMs = fromSeconds * 1000;
    const overMs = edgeMs + WINDOW_SECONDS * 1000;
    if (atMs - edgeMs < STRADDLE_MS) {
      const before = await recorded.find(edgeMs - 1).catch(() => undefined);
      if (before?.atMs === edgeMs - 1) this.#order.unshift(fromSeconds - WINDOW_SECONDS);
    } else if (atMs + STRADDLE_MS > overMs && now() > overMs + BEGINS_MS) {
      const after = await recorded.find(overMs).catch(() => undefined);
      // Too little may be left in the first window to start with.
      if (after && after.atMs < overMs + WINDOW_SECONDS * 1000) this.#order.push(fromSeconds + WINDOW_SECONDS);
    }
  }

  /**
   * The Multivariant Playlist to start with: of the window that contains the time, or of its neighbour if the
   * segment begins there.
   *
   * @param base absolute address of the page, the base of relative addresses
   * @throws ListError if neither is available
   */
  async index(base: string, headers: Record<string, string>, signal: AbortSignal): Promise<Loaded> {
    this.#begun ??= this.#begin();
    await this.#begun;
    const currentStart = windowOf(this.#parts.atMs).fromSeconds;
    const load = async (start: number): Promise<Loaded> => {
      const url = new URL(this.#path(start, 'index.m3u8'), base).href;
      return { url, text: await this.#parts.fetchText(url, headers, signal) };
    };
    try {
      return await load(currentStart);
    } catch (error) {
      const other = this.#order.find((start) => start !== currentStart);
      if (other === undefined || !isNothing(error)) throw error;
      return load(other);
    }
  }

  /** Number of windows in the playlist. */
  get windows(): number {
    return this.#order.length;
  }

  /** Sets the viewer's position, unix milliseconds. */
  playhead(atMs: number): void {
    this.#playheadMs = atMs;
  }

  /**
   * The joined playlist of a rendition.
   *
   * @param url absolute, from the Multivariant Playlist of any window
   * @throws ListError if not even the first window is available
   */
  async list(url: string, headers: Record<string, string>, signal: AbortSignal): Promise<string> {
    const name = windowPath.exec(url)?.[1];
    if (!name) throw new ListError(404, '');
    const rendition = this.#rendition(name);
    const load: Load = async (fromSeconds) => {
      const listUrl = new URL(this.#path(fromSeconds, name), url).href;
      return readWindow(await this.#parts.fetchText(listUrl, headers, signal), listUrl);
    };
    this.#begun ??= this.#begin();
    await this.#begun;
    await this.#fill(rendition, load);
    await this.#extend(rendition, load);
    this.#slide();
    return printSplice({
      windows: this.#order.map((start) => rendition.lists.get(start)).filter((list) => list !== undefined),
      before: rendition.before,
      mediaSequence: rendition.droppedSegments,
      discontinuitySequence: rendition.droppedDiscontinuities,
      complete: this.#ended && this.#isComplete(rendition),
      atMs: this.#parts.atMs,
    });
  }

  #rendition(name: string): Rendition {
    let rendition = this.#renditions.get(name);
    if (!rendition) {
      // A rendition that joins later numbers its segments like the others.
      const [droppedSegments, droppedDiscontinuities] = [this.#droppedSegments, this.#droppedDiscontinuities];
      rendition = { lists: new Map(), before: null, droppedSegments, droppedDiscontinuities };
      this.#renditions.set(name, rendition);
    }
    return rendition;
  }

  #path(fromSeconds: number, name: string): string {
    const windowFacts = this.#parts.facts.window(fromSeconds);
    const folder = onServer(`/vod/${this.#parts.stream}/${fromSeconds}/${fromSeconds + WINDOW_SECONDS}/`);
    return windowFacts?.closed ? `${folder}v${windowFacts.rev}/${name}` : `${folder}${name}`;
  }

  /** Loads the windows that the rendition lacks, and the open one again when the playhead is near its end. */
  async #fill(rendition: Rendition, load: Load): Promise<void> {
    const wanted = this.#order.filter((start) => {
      const list = rendition.lists.get(start);
      return !list || (!list.complete && endOf(list) - this.#playheadMs < GROWING_MS);
    });
    const answers = await Promise.allSettled(wanted.map(load));
    for (const [index, start] of wanted.entries()) {
      const answer = answers[index]!;
      if (answer.status === 'fulfilled') this.#take(rendition, start, answer.value);
    }
    const failed = answers.find((answer) => answer.status === 'rejected');
    if (rendition.lists.size === 0 && failed) throw failed.reason;
    // A neighbour of the first window need not exist.
    for (const [index, start] of wanted.entries()) {
      const answer = answers[index]!;
      if (answer.status === 'rejected' && isNothing(answer.reason) && !this.#has(start)) {
        const at = this.#order.indexOf(start);
        if (at >= 0) this.#order.splice(at, 1);
      }
    }
  }

  #take(rendition: Rendition, start: number, list: WindowList): void {
    const previous = rendition.lists.get(start);
    if (previous && list.segments.length < previous.segments.length) return; // an older copy from a cache
    rendition.lists.set(start, list);
  }

  #has(start: number): boolean {
    return [...this.#renditions.values()].some(({ lists }) => lists.has(start));
  }

  /** Adds the next window when the playhead is near the end of the last one. */
  async #extend(rendition: Rendition, load: Load): Promise<void> {
    const last = this.#order.at(-1);
    if (last === undefined || this.#ended) return;
    const list = rendition.lists.get(last);
    const overMs = (last + WINDOW_SECONDS) * 1000;
    if (!list) return;
    // If its media ends with a hole, the playlist ends before the window does.
    const endMs = list.complete ? Math.min(overMs, endOf(list)) : overMs;
    const isSoon = this.#playheadMs + GROWING_MS / 2 > overMs;
    if (this.#playheadMs + AHEAD_MS < endMs) return;
    if (this.#parts.now() < (isSoon ? overMs : overMs + BEGINS_MS)) return;
    this.#extending ??= this.#next(rendition, last, load).finally(() => {
      this.#extending = null;
    });
    await this.#extending;
    if (this.#order.at(-1) !== last) await this.#fill(rendition, load); // another rendition found it
  }

  async #next(rendition: Rendition, last: number, load: Load): Promise<void> {
    const next = last + WINDOW_SECONDS;
    const { recorded, now } = this.#parts;
    // Its first media may belong to a segment of the window before. One segment later there is one of its
    // own.
    const isNew = now() < next * 1000 + LATE_MS;
    const sureMs = isNew ? (rendition.lists.get(last)?.targetS ?? 0) * 1000 : 0;
    const moment = await recorded.find(next * 1000 + sureMs).catch(() => null);
    if (moment === null) return; // requested again with the next reload
    if (moment === undefined) {
      this.#ended = now() > next * 1000 + LATE_MS;
      return;
    }
    const start = windowOf(moment.atMs).fromSeconds;
    try {
      this.#take(rendition, start, await load(start));
      this.#order.push(start);
    } catch (error) {
      // No segment has begun in it, or it has media, but not of this rendition: another source starts there.
      if (isNothing(error)) this.#ended = now() > (start + WINDOW_SECONDS) * 1000;
    }
  }

  /** Drops windows far before the playhead. */
  #slide(): void {
    while (this.#order.length > 1 && (this.#order[0]! + WINDOW_SECONDS) * 1000 + BEHIND_MS < this.#playheadMs) {
      const start = this.#order.shift()!;
      let shared: { segments: number; discontinuities: number } | null = null;
      for (const rendition of this.#renditions.values()) {
        const list = rendition.lists.get(start);
        if (!list) continue;
        const segments = list.segments.length;
        const discontinuities = discontinuitiesOf(rendition.before, list);
        shared ??= { segments, discontinuities };
        rendition.droppedSegments += segments;
        rendition.droppedDiscontinuities += discontinuities;
        rendition.before = list;
        rendition.lists.delete(start);
      }
      this.#droppedSegments += shared?.segments ?? 0;
      this.#droppedDiscontinuities += shared?.discontinuities ?? 0;
    }
  }

  #isComplete(rendition: Rendition): boolean {
    const last = this.#order.at(-1);
    return last !== undefined && rendition.lists.has(last);
  }
}

/** UTC at the current end of a window's playlist, unix milliseconds. */
function endOf(list: WindowList): number {
  const last = list.segments.at(-1);
  return last ? last.startMs + last.durationS * 1000 : 0;
}

/** The server reports that there is nothing, as opposed to a failure. */
function isNothing(error: unknown): boolean {
  if (!(error instanceof ListError)) return false;
  return error.status === 410 || (error.status === 404 && readFailure(error.status, error.body).code !== 'unreadable');
}
