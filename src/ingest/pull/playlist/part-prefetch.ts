/**
 * Requests the next part before it exists, so that its download is running when the playlist lists it.
 * In: EXT-X-PRELOAD-HINT of each playlist. Out: running downloads. RFC 8216bis 4.4.5.3 and 6.2.6.
 */
import type { MediaPlaylist } from '@oxbow/media/m3u8/playlist';
import { idOf, type QueuedSegment } from '../segment/queued-segment.ts';
import type { Fetched, SegmentDownload } from '../segment/segment-download.ts';
import { resolve } from './list-segments.ts';

/** After this many failed hints in a row, further hints are ignored. */
const MAX_FAILURES = 3;

interface Ahead {
  /** Identifies the part and its Media Initialization Section. */
  readonly id: string;
  readonly controller: AbortController;
  readonly result: Promise<Fetched | undefined>;
}

function partId(part: QueuedSegment): string {
  return part.map ? `${idOf(part)} ${idOf(part.map)}` : idOf(part);
}

/** The hinted part of one rendition. */
export class PartPrefetch {
  readonly #download: SegmentDownload;
  #ahead: Ahead | undefined;
  #failures = 0;

  constructor(download: SegmentDownload) {
    this.#download = download;
  }

  /** Passes the running download of a part to the caller; the download returns undefined if it failed. */
  take(part: QueuedSegment): Promise<Fetched | undefined> | undefined {
    const ahead = this.#ahead;
    if (!ahead || ahead.id !== partId(part)) return undefined;
    this.#ahead = undefined;
    return ahead.result;
  }

  /**
   * Starts the download that a playlist hints at, and drops a previous one that no playlist listed.
   *
   * @param like a part or segment of the playlist: the hinted part is assumed to have the same Media
   *   Initialization Section
   */
  follow({ preloadHint }: MediaPlaylist, url: URL, like: QueuedSegment, { signal }: { signal: AbortSignal }): void {
    // In a growing file the end of the part is unknown.
    const usable = preloadHint?.type === 'PART' && preloadHint.byteRangeStart === undefined;
    const part: QueuedSegment | undefined = usable
      ? { ...like, url: resolve(preloadHint.uri, url), byteRange: undefined, part: like.part ?? 0 }
      : undefined;
    if (this.#ahead && part && this.#ahead.id === partId(part)) return;
    this.drop();
    if (!part || this.#failures >= MAX_FAILURES) return;
    const controller = new AbortController();
    const result = this.#fetch(part, AbortSignal.any([signal, controller.signal]));
    this.#ahead = { id: partId(part), controller, result };
  }

  /** Aborts the running download. */
  drop(): void {
    this.#ahead?.controller.abort(new Error('no playlist listed the hinted part'));
    this.#ahead = undefined;
  }

  async #fetch(part: QueuedSegment, signal: AbortSignal): Promise<Fetched | undefined> {
    try {
      const fetched = await this.#download.fetch(part, () => false, { signal });
      this.#failures = fetched.kind === 'fetched' ? 0 : this.#failures + 1;
      return fetched.kind === 'fetched' ? fetched : undefined;
    } catch {
      // Aborted; the regular download of the part fails with the same reason.
      return undefined;
    }
  }
}
