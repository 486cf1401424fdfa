/**
 * Finds the new segments in each reload of a Media Playlist, so that none is pulled twice and no loss is
 * silent.
 * In: playlists as they arrive. Out: segments in order, and reports of lost ones. RFC 8216bis 6.2.2 and 6.3.
 */

import type { MediaPlaylist, PlaylistPart, PlaylistSegment } from '@oxbow/media/m3u8/playlist';
import { dropOldest } from '../../../lib/drop-oldest.ts';
import type { PullCounters } from '../pull-log.ts';
import { nameOf } from '../resource-name.ts';
import { idOf, type QueuedSegment } from '../segment/queued-segment.ts';
import { EndedPlaylist, type ReturnVerdict } from './ended-playlist.ts';
import {
  type Described,
  type DescribedList,
  describe,
  describeParts,
  listedS,
  resolve,
  withKeys,
} from './list-segments.ts';
import { FROM_EDGE, firstWanted, type QueueStart } from './segment-start.ts';

/** Remembered segments. */
const MAX_KNOWN = 512;

/** One item to publish. */
export type QueueItem =
  /** A segment, or a part of one. */
  | { readonly kind: 'segment'; readonly segment: QueuedSegment }
  /** A part that the source does not have. */
  | { readonly kind: 'missing'; readonly segment: QueuedSegment; readonly detail: string }
  /**
   * The end of a segment whose parts were queued. `parts`: number of its parts; undefined if not all of them
   * were queued.
   */
  | {
      readonly kind: 'segment-end';
      readonly segment: QueuedSegment;
      readonly parts: number | undefined;
      readonly gap: boolean;
    }
  | { readonly kind: 'lost'; readonly count: number; readonly detail: string };

function idOfPart({ uri, byteRange }: PlaylistPart, url: URL): string {
  return `${nameOf(resolve(uri, url))} ${byteRange?.offset ?? ''}`;
}

/** The queue of one rendition. */
export class SegmentQueue {
  readonly #counters: PullCounters;
  readonly #start: QueueStart;
  /** MSN under which an id was last seen; oldest first. */
  readonly #msns = new Map<string, number>();
  /** By MSN, to check whether a number still denotes the same segment. */
  readonly #seen = new Map<number, QueuedSegment>();
  #next: number | undefined;
  #firstStanding = 0;
  #epoch = 0;
  #openings = 0;
  #newMs = 0;
  /** Until when playlists that end before known segments count as old copies, ms since 1970. */
  #toleratedUntilMs: number | undefined;
  /** In a loop of the programme: difference between its MSNs and those of the previous round. */
  #loopedBy: number | undefined;
  /** The segment whose parts were queued last. */
  #begun: { readonly msn: number; readonly epoch: number; readonly names: string[] } | undefined;
  readonly #ended = new EndedPlaylist();

  constructor(counters: PullCounters, start: QueueStart = {}) {
    this.#counters = counters;
    this.#start = start;
  }

  /**
   * Whether the segment is in the playlist as last loaded; for a part, whether its segment is still
   * incomplete.
   */
  isListed(segment: QueuedSegment): boolean {
    const from = segment.part === undefined ? this.#firstStanding : this.#next!;
    return segment.epoch === this.#epoch && segment.msn >= from;
  }

  /**
   * Whether a part belongs to the open segment or the one before; for others the complete segment is faster.
   */
  isNew({ epoch, msn }: QueuedSegment): boolean {
    return epoch === this.#epoch && msn >= this.#next! - 1;
  }

  /**
   * Returns the new items of `list`.
   *
   * @param url the list's, after redirects
   * @param arrivedMs ms since 1970
   * @param options.parts queue parts as well
   * @param options.moved the list replaces one at another URL: its numbers may differ without a loss
   * @throws OxbowError `unsupported-media` for a segment with encryption other than AES-128
   */
  take(
    list: MediaPlaylist,
    url: URL,
    arrivedMs: number,
    { parts = false, moved = false }: { parts?: boolean; moved?: boolean } = {},
  ): QueueItem[] {
    const base = list.mediaSequence + (list.skippedSegments ?? 0);
    const all = describe(list, url, arrivedMs);
    const open = parts ? all.open : undefined;
    // A playlist without media does not show where it continues: a restarted origin serves one first.
    if (all.count === 0 && !open) return [];
    const items: QueueItem[] = [];
    let from = 0;
    let restarted = false;
    let opens = false;
    const returned = moved ? undefined : this.#returned(list, all, base, arrivedMs);
    if (returned === 'nothing') return [];
    if (this.#next === undefined) {
      opens = true;
      const segments = Array.from({ length: all.count }, (_, i) => all.at(i).segment);
      from = firstWanted(segments, this.#start);
    } else if (returned === 'restarted') {
      restarted = true;
      this.#epoch += 1;
      this.#counters.resets();
      from = this.#sinceIndex(all, list.targetDurationS, arrivedMs - this.#ended.endedMs!);
      this.#toleratedUntilMs = undefined;
      // A restarted encoder may reuse file names.
      this.#msns.clear();
      this.#seen.clear();
    } else if (!returned && this.#hasRestarted(all, base, list.targetDurationS, arrivedMs)) {
      restarted = true;
      opens = true;
      this.#epoch += 1;
      this.#counters.resets();
      from = this.#sinceIndex(all, list.targetDurationS, arrivedMs - this.#newMs);
      this.#seen.clear();
    } else {
      if (this.#toleratedUntilMs !== undefined) return [];
      const missed = base - this.#next;
      if (missed > 0) {
        opens = moved;
        const many = missed === 1 ? '1 segment' : `${missed} segments`;
        items.push(
          moved
            ? { kind: 'lost', count: 0, detail: 'the source began another playlist' }
            : { kind: 'lost', count: missed, detail: `${many} left the playlist before they were fetched` },
        );
      }
      from = Math.max(0, this.#next - base);
    }
    this.#firstStanding = list.mediaSequence;
    // Segments before the start are remembered too: an old copy of the playlist must not look like a restart.
    if (this.#next === undefined || restarted)
      for (let i = Math.max(0, from - MAX_KNOWN); i < from; i++) this.#remember(all.at(i).segment);
    if (opens) this.#openings += 1;
    const add = (item: QueueItem | undefined) => {
      if (!item) return;
      const opening = opens && item.kind === 'segment' && { opening: this.#openings };
      // Only the first published segment has the discontinuity.
      const breaks = restarted && item.kind === 'segment' && { discontinuity: true };
      items.push(item.kind === 'segment' ? { ...item, segment: { ...item.segment, ...opening, ...breaks } } : item);
      if (item.kind === 'segment') restarted = false;
    };
    for (let i = from; i < all.count; i++) {
      const { segment, source } = all.at(i);
      const begun = this.#isBegun(segment);
      if (begun && parts) for (const part of this.#partsOf({ segment, source }, url)) add(part);
      add(this.#itemOf({ ...withKeys(segment, source, url), ...(parts && { lowLatency: true }) }, source, begun));
    }
    this.#next = base + all.count;
    this.#ended.update(list.endList, arrivedMs);
    if (open) for (const part of this.#partsOf(open, url)) add(part);
    return items;
  }

  /** Relation of the list to the one that ended; undefined if none has ended. */
  #returned(list: MediaPlaylist, all: DescribedList, base: number, arrivedMs: number): ReturnVerdict | undefined {
    if (this.#next === undefined || this.#ended.endedMs === undefined) return undefined;
    const { endList: ended, targetDurationS } = list;
    const isKnown = (segment: QueuedSegment) => {
      const seen = this.#seen.get(segment.msn);
      return seen && isSame(seen, segment);
    };
    const judged = { all, base, ended, targetDurationS, listedS: listedS(list), arrivedMs, next: this.#next, isKnown };
    return this.#ended.judge(judged);
  }

  /**
   * Index of the first new segment after a restart: all of a short list is new; of a long one, the segments
   * of the last `sinceMs`.
   */
  #sinceIndex(all: DescribedList, targetDurationS: number, sinceMs: number): number {
    const most = FROM_EDGE + Math.ceil(Math.max(0, sinceMs) / 1000 / targetDurationS);
    return Math.max(0, all.count - most);
  }

  #isBegun({ msn }: QueuedSegment): boolean {
    return this.#begun?.msn === msn && this.#begun.epoch === this.#epoch;
  }

  /** Parts that were not queued yet; none if the playlist has replaced queued ones. */
  #partsOf({ segment, source }: Described, url: URL): QueueItem[] {
    const { parts } = source;
    if (!this.#isBegun(segment)) this.#begun = { msn: segment.msn, epoch: this.#epoch, names: [] };
    const { names } = this.#begun!;
    const same = names.every((name, i) => parts[i] === undefined || name === idOfPart(parts[i], url));
    if (!same || parts.length <= names.length) return [];
    this.#newMs = segment.arrivedMs;
    const items = describeParts({ segment, source }, url, names.length).map(
      (part, i): QueueItem =>
        parts[names.length + i]!.gap
          ? { kind: 'missing', segment: { ...part, epoch: this.#epoch }, detail: `GAP ${nameOf(part.url)}` }
          : { kind: 'segment', segment: { ...part, epoch: this.#epoch } },
    );
    for (const part of parts.slice(names.length)) names.push(idOfPart(part, url));
    return items;
  }

  /** @param begun some of its parts were queued */
  #itemOf(segment: QueuedSegment, source: PlaylistSegment, begun: boolean): QueueItem | undefined {
    const before = this.#remember(segment);
    this.#newMs = segment.arrivedMs;
    if (this.#isListedAgain(segment, before)) {
      this.#counters.duplicates();
      return undefined;
    }
    const queued = { ...segment, epoch: this.#epoch };
    if (begun) {
      const delivered = this.#begun!.names.length;
      const complete = segment.lowLatency && source.parts.length === delivered;
      return {
        kind: 'segment-end',
        segment: { ...queued, lowLatency: true },
        parts: complete ? delivered : undefined,
        gap: source.gap,
      };
    }
    if (source.gap) return { kind: 'lost', count: 1, detail: `EXT-X-GAP ${nameOf(segment.url)}` };
    return { kind: 'segment', segment: queued };
  }

  /**
   * Whether the origin lists a known segment again under another number by mistake. Real repetitions (a
   * slate, a programme in a loop) begin with EXT-X-DISCONTINUITY and continue at that distance, or a multiple
   * of it where a round lacked the segment.
   *
   * @param before its previous number
   */
  #isListedAgain({ msn, discontinuity }: QueuedSegment, before: number | undefined): boolean {
    if (before === msn) return false;
    if (discontinuity) this.#loopedBy = before === undefined ? undefined : msn - before;
    if (before === undefined) return false;
    return this.#loopedBy === undefined || (msn - before) % this.#loopedBy !== 0;
  }

  /** @returns its previous number; undefined if it was unknown */
  #remember(segment: QueuedSegment): number | undefined {
    const id = idOf(segment);
    const before = this.#msns.get(id);
    this.#msns.delete(id);
    this.#msns.set(id, segment.msn);
    this.#seen.set(segment.msn, segment);
    dropOldest(this.#msns, MAX_KNOWN);
    dropOldest(this.#seen, MAX_KNOWN);
    return before;
  }

  /**
   * Whether the origin has restarted its Media Sequence Numbers. A list that only lags (an old copy from a
   * cache) is tolerated for as long as it may need to catch up, plus three target durations.
   */
  #hasRestarted(all: DescribedList, base: number, targetDurationS: number, arrivedMs: number): boolean {
    const next = this.#next!;
    const behind = next - base - all.count;
    // The newest common number must denote the same segment.
    const index = behind > 0 ? all.count - 1 : next - 1 - base;
    const common = index >= 0 ? all.at(index).segment : undefined;
    const seen = common && this.#seen.get(common.msn);
    if (behind <= 0) {
      this.#toleratedUntilMs = undefined;
      return seen !== undefined && !isSame(seen, common!);
    }
    this.#toleratedUntilMs ??= arrivedMs + (3 + behind) * 1000 * targetDurationS;
    const lags =
      seen !== undefined &&
      isSame(seen, common!) &&
      behind <= all.count + FROM_EDGE &&
      arrivedMs <= this.#toleratedUntilMs;
    if (lags) return false;
    this.#toleratedUntilMs = undefined;
    return true;
  }
}

/**
 * Whether two entries with one number are the same segment. Hosts, tokens and queries may change; name,
 * duration and date do not.
 */
function isSame(a: QueuedSegment, b: QueuedSegment): boolean {
  const apartMs = Math.abs((a.programDateTimeMs ?? 0) - (b.programDateTimeMs ?? 0));
  const dated = a.programDateTimeMs !== undefined && b.programDateTimeMs !== undefined;
  const sameBytes = nameOf(a.url) === nameOf(b.url) && a.byteRange?.offset === b.byteRange?.offset;
  return sameBytes && Math.abs(a.durationS - b.durationS) < 0.01 && !(dated && apartMs > 1000);
}
