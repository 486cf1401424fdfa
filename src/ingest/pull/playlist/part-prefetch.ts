/**
 * Asks for the next part before it exists, so that it is under way when the list names it.
 * In: EXT-X-PRELOAD-HINT of each list. Out: downloads that were begun. RFC 8216bis 4.4.5.3 and 6.2.6.
 */
import type { MediaPlaylist } from '../../../media/m3u8/playlist.ts';
import type { QueuedSegment, Resource } from '../segment/queued-segment.ts';
import type { Fetched, SegmentDownload } from '../segment/segment-download.ts';
import { resolve } from './list-segments.ts';

/** After so many hints in a row that came to nothing no more are followed. */
const STRIKES = 3;

interface Ahead {
  /** Of the part and of its Media Initialization Section. */
  readonly id: string;
  readonly controller: AbortController;
  readonly result: Promise<Fetched | undefined>;
}

function nameOf({ url, byteRange }: Resource): string {
  return `${url.href} ${byteRange ? `${byteRange.offset}+${byteRange.length}` : ''}`;
}

function idOf(part: QueuedSegment): string {
  return part.map ? `${nameOf(part)} ${nameOf(part.map)}` : nameOf(part);
}

/** The part that one rendition waits for. */
export class PartPrefetch {
  readonly #download: SegmentDownload;
  #ahead: Ahead | undefined;
  #failures = 0;

  constructor(download: SegmentDownload) {
    this.#download = download;
  }

  /**
   * The download of a part that was begun; the caller has it from then on. It gives undefined when it came to nothing.
   */
  take(part: QueuedSegment): Promise<Fetched | undefined> | undefined {
    const ahead = this.#ahead;
    if (!ahead || ahead.id !== idOf(part)) return undefined;
    this.#ahead = undefined;
    return ahead.result;
  }

  /**
   * Begins the download that a list hints at, and drops one that no list named.
   *
   * @param like a part or segment of the list: the hint's Media Initialization Section is taken to be the same
   */
  follow({ preloadHint }: MediaPlaylist, url: URL, like: QueuedSegment, { signal }: { signal: AbortSignal }): void {
    // Of a growing file it is not known where the part ends.
    const usable = preloadHint?.type === 'PART' && preloadHint.byteRangeStart === undefined;
    const part: QueuedSegment | undefined = usable
      ? { ...like, url: resolve(preloadHint.uri, url), byteRange: undefined, part: like.part ?? 0 }
      : undefined;
    if (this.#ahead && part && this.#ahead.id === idOf(part)) return;
    this.drop();
    if (!part || this.#failures >= STRIKES) return;
    const controller = new AbortController();
    const result = this.#fetch(part, AbortSignal.any([signal, controller.signal]));
    this.#ahead = { id: idOf(part), controller, result };
  }

  /** Lets go of what was begun. */
  drop(): void {
    this.#ahead?.controller.abort(new Error('no list named the part that was hinted at'));
    this.#ahead = undefined;
  }

  async #fetch(part: QueuedSegment, signal: AbortSignal): Promise<Fetched | undefined> {
    try {
      const fetched = await this.#download.fetch(part, () => false, { signal });
      this.#failures = fetched.kind === 'fetched' ? 0 : this.#failures + 1;
      return fetched.kind === 'fetched' ? fetched : undefined;
    } catch {
      // Only abort: whoever wants the part asks for it itself, and meets the same reason.
      return undefined;
    }
  }
}
