/**
 * Whether a source is followed by its Partial Segments, and when that is given up.
 * In: its lists, and what became of reloads and parts. Out: yes or no, for all renditions of one pull. RFC 8216bis 4.4.4.9 and 6.2.5.2.
 */
import type { MediaPlaylist } from '../../../media/m3u8/playlist.ts';
import type { PullLog } from '../pull-log.ts';

/** So many times in a row something has to fail before the source is followed by whole segments. */
const STRIKES = 3;

/** Whether a list promises parts and replies that are held until they exist. */
function offersParts(list: MediaPlaylist): boolean {
  if (list.partTargetS === undefined || !list.serverControl?.canBlockReload) return false;
  if (!list.preloadHint && list.segments.every(({ parts }) => parts.length === 0)) return false;
  return list.segments.every(({ key }) => key === undefined);
}

/** Decides for all renditions of one pull: parts of the picture are of no use without those of its sound. */
export class LowLatency {
  readonly #log: PullLog;
  #why: string | undefined;
  #seen = false;
  #idleReloads = 0;
  #lostParts = 0;

  constructor(log: PullLog) {
    this.#log = log;
  }

  /** Why the source is not followed by parts, although one of its lists has them; undefined where none has, and while it is. */
  get givenUp(): string | undefined {
    return this.#seen ? this.#why : undefined;
  }

  /** Whether reloads are worth being held: false once the server has shown that it does not hold them. */
  get holds(): boolean {
    return this.#idleReloads < STRIKES;
  }

  /** Whether the rendition of `list` is followed by its parts. */
  follows(list: MediaPlaylist): boolean {
    if (list.segments.length === 0) return false;
    // The last list still has the last parts; one that had ended when it was first seen has nothing to be quick about.
    if (list.endList) return this.#seen && this.#why === undefined && list.partTargetS !== undefined;
    const offered = offersParts(list);
    if (offered && !this.#seen) {
      this.#seen = true;
      if (this.#why === undefined) this.#log.info({ partTargetS: list.partTargetS }, 'the source has low latency');
    }
    if (!offered) this.giveUp('a rendition has no parts');
    return offered && this.#why === undefined;
  }

  /** A reload that was to be held came back: after a while, or at once. */
  reloaded({ held, news }: { held: boolean; news: boolean }): void {
    if (held) this.#idleReloads = 0;
    // What is there already need not be waited for.
    else if (!news && ++this.#idleReloads >= STRIKES)
      this.giveUp('the server does not hold reloads until there is something new');
  }

  /** All parts of a segment came, or some did not. */
  segmentEnded(whole: boolean, detail = ''): void {
    this.#lostParts = whole ? 0 : this.#lostParts + 1;
    if (this.#lostParts >= STRIKES) this.giveUp(`parts cannot be had: ${detail}`);
  }

  /** From now on whole segments are taken; told once. */
  giveUp(why: string): void {
    if (this.#why !== undefined) return;
    this.#why = why;
    if (this.#seen) this.#log.warn({ why }, 'the source is followed by whole segments, with more delay');
  }
}
