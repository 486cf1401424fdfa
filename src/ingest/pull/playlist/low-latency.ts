/**
 * Decides whether a pull follows Partial Segments, and when it stops doing so.
 * In: the playlists, results of reloads and of parts. Out: yes or no, for all renditions of one pull.
 * RFC 8216bis 4.4.4.9 and 6.2.5.2.
 */
import type { MediaPlaylist } from '@oxbow/media/m3u8/playlist';
import type { PullLog } from '../pull-log.ts';

/** Failures in a row after which the pull fetches complete segments instead. */
const MAX_FAILURES = 3;

/** Whether a playlist has parts and its server supports blocking reloads. */
function offersParts(list: MediaPlaylist): boolean {
  if (list.partTargetS === undefined || !list.serverControl?.canBlockReload) return false;
  if (!list.preloadHint && list.segments.every(({ parts }) => parts.length === 0)) return false;
  return list.segments.every(({ key }) => key === undefined);
}

/** Decides for all renditions of one pull: video parts are useless without the audio parts. */
export class LowLatency {
  readonly #log: PullLog;
  #why: string | undefined;
  #seen = false;
  #idleReloads = 0;
  #lostParts = 0;

  constructor(log: PullLog) {
    this.#log = log;
  }

  /**
   * Why the pull does not follow parts although a playlist has them; undefined if no playlist has parts, and
   * while it follows them.
   */
  get givenUp(): string | undefined {
    return this.#seen ? this.#why : undefined;
  }

  /** Whether blocking reloads are of use: false once the server has answered several at once without news. */
  get holds(): boolean {
    return this.#idleReloads < MAX_FAILURES;
  }

  /** Whether to follow the parts of the rendition whose playlist is `list`. */
  follows(list: MediaPlaylist): boolean {
    if (list.segments.length === 0) return false;
    // The last playlist still has the last parts. A playlist that had ended before it was first loaded needs
    // no low latency.
    if (list.endList) return this.#seen && this.#why === undefined && list.partTargetS !== undefined;
    const offered = offersParts(list);
    if (offered && !this.#seen) {
      this.#seen = true;
      if (this.#why === undefined) this.#log.info({ partTargetS: list.partTargetS }, 'partial segments are followed');
    }
    if (!offered) this.giveUp('a rendition has no parts');
    return offered && this.#why === undefined;
  }

  /** A blocking reload was answered. `held`: the server waited; `news`: the playlist has new media. */
  reloaded({ held, news }: { held: boolean; news: boolean }): void {
    if (held) this.#idleReloads = 0;
    // A server need not wait if the requested media exists already.
    else if (!news && ++this.#idleReloads >= MAX_FAILURES)
      this.giveUp('the server does not block reloads until new media exists');
  }

  /** A segment has ended. `complete`: all of its parts arrived. */
  segmentEnded(complete: boolean, detail = ''): void {
    this.#lostParts = complete ? 0 : this.#lostParts + 1;
    if (this.#lostParts >= MAX_FAILURES) this.giveUp(`parts are unavailable: ${detail}`);
  }

  /** Fetches complete segments from now on; logged once. */
  giveUp(why: string): void {
    if (this.#why !== undefined) return;
    this.#why = why;
    if (this.#seen)
      this.#log.warn({ why }, 'parts are no longer fetched, only complete segments; the latency is higher');
  }
}
