/**
 * A live playlist that reaches hours back, for players that use only one playlist: recorded segments, then
 * live ones, without parts. Where a bucket may answer, a segment is listed when it is recorded: as the range
 * of its file, from then on and wherever the file moves.
 * In: the recording and the live window of one generation. Out: a presentation for delivery/format.
 * RFC 8216bis 6.2.1, 6.2.2; docs/media.md 14, 33; docs/decisions/0110.
 */
import type { Track } from '@oxbow/media/frame';
import { reachOf, sortDateRanges } from '@oxbow/media/m3u8/date-range';
import type { ByteRange, DateRangeTag } from '@oxbow/media/m3u8/playlist';
import { durationOf, mediaOf, type Presentation, type PresentationSegment } from '@oxbow/media/presentation';
import { isSubtitle, type Rendition, renditionFor } from '@oxbow/media/rendition-set';
import type { Init } from '@oxbow/media/segment';
import { familyOf } from '../../packager/generation.ts';
import type { LiveSegment, LiveWindowView } from '../../packager/live-segment.ts';
import { LEAST_SEGMENTS, MAY_BE_LOST } from '../../packager/live-window.ts';
import { MAX_LISTED_DATE_RANGES } from '../../recording/date-range-rows.ts';
import { toListedSegment } from '../../recording/listed-segment.ts';
import { type RecordedGroup, recordedBetween } from '../../recording/recording-reader.ts';
import { describe, discontinuitiesBefore, present, SKIP_AFTER_TARGETS } from '../live/live-presentation.ts';
import type { ServedStream } from '../served-stream.ts';
import { placeOf, rangesOf } from '../stored-segment.ts';

/** Most consecutive lost segments that are listed as GAPs; the playlist begins after a longer hole. */
const MOST_LOST = 30;

/** Consecutive segments: those that have left the live window, or are not listed yet. */
interface Stretch {
  readonly fromUs: number;
  readonly toUs: number;
  readonly lastMsn: number;
}

/** The values that must not change during a generation. */
export interface DvrPromise {
  /** Whole seconds; covers older segments too, which may be longer than current ones. */
  readonly targetDurationS: number;
}

/** A segment, and the range of its file; undefined: it has its usual address. */
interface ListedEntry extends PresentationSegment {
  readonly place: ByteRange | undefined;
}

/** The playlist of one rendition of one generation. It is updated at each request. */
export class DvrList {
  readonly #isDirect: boolean;
  readonly #rendition: Rendition;
  readonly #lengthUs: number;
  readonly #firstMsn: number;
  #entries: ListedEntry[] = [];
  /** Where segments are that follow the last entry, by MSN. */
  readonly #places = new Map<number, ByteRange>();
  /** Up to this MSN their places are known, or they have none. */
  #placedMsn = 0;
  /** Up to this MSN it was checked whether the segments are recorded. */
  #checkedMsn = 0;
  /** MEDIA-SEQUENCE of the first entry: its MSN; before the generation it is counted backwards. */
  #position = 0;
  #discontinuitySequence = 0;

  /**
   * @param how.lengthUs how far back it reaches, µs
   * @param how.isDirect segments are listed as ranges of files, where a bucket may answer
   */
  constructor(
    view: LiveWindowView,
    rendition: Rendition,
    { lengthUs, isDirect }: { readonly lengthUs: number; readonly isDirect: boolean },
  ) {
    this.#rendition = rendition;
    this.#isDirect = isDirect;
    // A killed process may have listed segments that it did not record, and removed as many old ones: the
    // playlist must not begin earlier.
    const lostUs = view.inherited ? MAY_BE_LOST * view.generation.targetDurationS * 1_000_000 : 0;
    this.#lengthUs = lengthUs - lostUs;
    this.#firstMsn = view.generation.firstMsn;
  }

  /** MSN of the last segment, or 0 while there is none. */
  get lastMsn(): number {
    return this.#entries.at(-1)?.msn ?? 0;
  }

  /** Start of the first segment, µs since 1970; 0 while there is none. */
  get startUs(): number {
    return this.#entries[0]?.startUs ?? 0;
  }

  /** Seconds of the longest segment, rounded. */
  get longestS(): number {
    return this.#entries.reduce((longest, entry) => Math.max(longest, Math.round(this.#durationOf(entry))), 1);
  }

  /** Reads the recorded segments before the live window. Called once, before `follow`. */
  async open(stream: ServedStream, view: LiveWindowView): Promise<void> {
    const first = view.segments[0];
    const last = view.segments.findLast((segment) => segment.sealed);
    if (!first || !last) return;
    const groups = await recordedBetween(stream.recording, last.startUs - this.#lengthUs, first.startUs);
    const family = familyOf(view.tracks, false);
    let next = first;
    const older: ListedEntry[] = [];
    let { msn: position, discontinuitySequence } = first;
    for (const group of groups.filter(({ msn }) => msn < first.msn).toReversed()) {
      const init = stream.inits.get(group.initNumber);
      // Segments of another decoder family belong to another playlist.
      if (!init || familyOf(init.tracks, false) !== family) break;
      const segment = toListedSegment(group, init);
      const lost = this.#lostBetween(group, next);
      if (!lost) break;
      older.push(...lost.toReversed(), this.#entryOf(segment, this.#placeIn(group, init)));
      position -= lost.length + 1;
      if (next.discontinuity) discontinuitySequence--;
      next = segment;
    }
    this.#entries = older.toReversed();
    this.#checkedMsn = this.lastMsn;
    this.#startAt({ ...next, msn: position, discontinuitySequence });
  }

  #startAt(first: Pick<LiveSegment, 'msn' | 'discontinuity' | 'discontinuitySequence'>): void {
    this.#position = first.msn;
    this.#discontinuitySequence = discontinuitiesBefore(first);
  }

  /**
   * Live segments that are recorded or lost, and whose places are not known. undefined if there are none, and
   * where no bucket answers.
   *
   * @param decidedMsn up to this MSN segments are recorded or lost
   */
  unplaced({ segments, inherited }: LiveWindowView, decidedMsn: number): Stretch | undefined {
    if (!this.#isDirect) return undefined;
    const until = inherited ? Number.POSITIVE_INFINITY : decidedMsn;
    const after = Math.max(this.#placedMsn, this.lastMsn);
    const found = segments.filter(({ msn, sealed }) => sealed && msn > after && msn <= until);
    const last = found.at(-1);
    return last && { fromUs: found[0]!.startUs, toUs: last.startUs + last.sealed!.durationUs, lastMsn: last.msn };
  }

  /** Notes where recorded segments are. One without a place, which was lost, keeps its usual address. */
  place({ lastMsn }: Stretch, groups: readonly RecordedGroup[], inits: Pick<ServedStream['inits'], 'get'>): void {
    for (const group of groups) {
      const init = inits.get(group.initNumber);
      const place = init && this.#placeIn(group, init);
      if (place && group.msn > this.lastMsn && group.msn <= lastMsn) this.#places.set(group.msn, place);
    }
    this.#placedMsn = Math.max(this.#placedMsn, lastMsn);
  }

  /**
   * Adds new live segments and removes old ones; false if segments between are missing, and the playlist must
   * be opened again.
   */
  follow(view: LiveWindowView, horizonUs: number): boolean {
    const sealed = view.segments.filter((segment) => segment.sealed);
    const first = sealed[0];
    if (!first) return true;
    const { lastMsn } = this;
    if (lastMsn > 0 && first.msn > lastMsn + 1 && lastMsn >= this.#firstMsn) return false;
    if (lastMsn === 0) this.#startAt(first);
    for (const segment of sealed) {
      if (segment.msn <= lastMsn) continue;
      if (this.#isDirect && segment.msn > this.#placedMsn) break;
      this.#entries.push(this.#entryOf(segment, this.#places.get(segment.msn)));
      this.#places.delete(segment.msn);
    }
    const last = this.#entries.at(-1);
    if (!last) return true;
    const edgeUs = endOf(last);
    const isTooOld = (entry: PresentationSegment) =>
      entry.startUs < edgeUs - this.#lengthUs ||
      entry.startUs < horizonUs ||
      (entry.msn < first.msn && this.#isGap(entry));
    let old = 0;
    while (this.#entries.length - old > LEAST_SEGMENTS && isTooOld(this.#entries[old]!)) {
      if (this.#entries[old]!.discontinuity) this.#discontinuitySequence++;
      old++;
    }
    this.#entries.splice(0, old);
    this.#position += old;
    return true;
  }

  /**
   * Segments that left the live window since the last call and that the recorder has stored or lost. Clients
   * can no longer load the lost ones. undefined if there are none.
   *
   * @param decidedMsn up to this MSN segments are recorded or lost
   */
  leftBehind({ segments, inherited }: LiveWindowView, decidedMsn: number): Stretch | undefined {
    const firstListed = segments[0]?.msn ?? 0;
    if (inherited) this.#checkedMsn = Math.max(this.#checkedMsn, this.lastMsn); // read from the recording
    const until = Math.min(firstListed - 1, decidedMsn);
    const left = this.#entries.filter(({ msn }) => msn > this.#checkedMsn && msn <= until);
    const last = left.at(-1);
    return last && { fromUs: left[0]!.startUs, toUs: endOf(last), lastMsn: last.msn };
  }

  /**
   * Marks segments up to `lastMsn` that the recording lost as GAPs. RFC 8216bis 6.2.1 does not list this
   * among the permitted changes of a playlist, but the alternatives are a URL that returns 404, or the loss
   * of all media before it.
   */
  confirm({ lastMsn }: Stretch, recorded: ReadonlySet<number>): void {
    const isLost = ({ msn }: PresentationSegment) => msn > this.#checkedMsn && msn <= lastMsn && !recorded.has(msn);
    for (const [i, entry] of this.#entries.entries()) if (isLost(entry)) this.#entries[i] = { ...entry, lost: true };
    this.#checkedMsn = lastMsn;
  }

  /**
   * The presentation of the current state.
   *
   * @param dateRanges of older segments; those of the live window are in `view`
   */
  presentation(
    view: LiveWindowView,
    { targetDurationS }: DvrPromise,
    dateRanges: readonly DateRangeTag[],
  ): Presentation<ListedEntry> {
    const canSkipUntilS = SKIP_AFTER_TARGETS * targetDurationS;
    return {
      describe: () => describe(view),
      segments: this.#entries,
      mediaSequence: this.#position,
      discontinuitySequence: this.#discontinuitySequence,
      targetDurationS,
      // Segments that wait for the recorder are listed first.
      ended: view.ended && this.lastMsn >= (view.segments.findLast(({ sealed }) => sealed)?.msn ?? 0),
      dateRanges: this.#dateRangesOf(view, dateRanges),
      live: {
        generation: view.generation.number,
        holdBackS: Math.max(view.generation.holdBackS, 3 * targetDurationS),
        canBlockReload: true,
        canSkipUntilS,
        skippable: () => this.#skippable(canSkipUntilS),
      },
    };
  }

  /**
   * Number of segments before the Skip Boundary. It is measured in playlist time (RFC 8216bis 4.4.3.8), where
   * holes have no duration, from the start of the last segment, as in the live playlist.
   */
  #skippable(boundaryS: number): number {
    let count = this.#entries.length - 1;
    for (let s = 0; count > 0 && s < boundaryS; count--) {
      s += this.#durationOf(this.#entries[count - 1]!);
    }
    return Math.max(0, count);
  }

  #dateRangesOf(view: LiveWindowView, older: readonly DateRangeTag[]): DateRangeTag[] {
    const fromMs = (this.#entries[0]?.startUs ?? 0) / 1000;
    const newest = view.dateRanges ?? [];
    const ids = new Set(newest.map(({ id }) => id));
    const ranges = [...older.filter(({ id }) => !ids.has(id)), ...newest].filter((range) => reachOf(range) >= fromMs);
    return sortDateRanges(ranges.slice(-MAX_LISTED_DATE_RANGES));
  }

  /** Keeps only the track that determines the times of the rendition. */
  #entryOf(segment: LiveSegment, place: ByteRange | undefined): ListedEntry {
    const presented = present(segment, false);
    const media = mediaOf(presented, this.#leadOf(presented));
    return { ...presented, tracks: media ? [media] : [], place };
  }

  /** The range of a file with the rendition; undefined if it is not in one piece, or no bucket answers. */
  #placeIn({ tracks, location }: RecordedGroup, init: Init): ByteRange | undefined {
    const rendition = this.#isDirect ? renditionFor(init.tracks, this.#rendition.id) : undefined;
    const place = rendition && placeOf(rangesOf(rendition.tracks, tracks, location));
    return place && { offset: place.offset, length: place.length };
  }

  #leadOf({ init }: PresentationSegment): Track | undefined {
    return renditionFor(init?.tracks ?? [], this.#rendition.id)?.tracks[0];
  }

  #durationOf(segment: PresentationSegment): number {
    return durationOf(segment, this.#leadOf(segment), segment.tracks[0]);
  }

  #isGap(segment: PresentationSegment): boolean {
    return segment.lost || (!isSubtitle(this.#rendition.id) && segment.tracks.length === 0);
  }

  /** Segments that the recording lost between two others; undefined if they are too many to list. */
  #lostBetween(before: RecordedGroup, next: LiveSegment): ListedEntry[] | undefined {
    // MSNs are contiguous within a generation; between generations they jump, after a DISCONTINUITY.
    if (next.discontinuity && before.msn < this.#firstMsn) return [];
    const count = next.msn - before.msn - 1;
    if (count > MOST_LOST) return undefined;
    const fromUs = before.startUs + before.durationUs;
    const lastsUs = (next.startUs - fromUs) / Math.max(1, count);
    return Array.from({ length: count }, (_, i) => ({
      msn: before.msn + 1 + i,
      run: next.run.id,
      init: next.init,
      utcOffsetUs: next.run.utcOffsetUs,
      startUs: fromUs + i * lastsUs,
      durationUs: lastsUs,
      discontinuity: false,
      tracks: [],
      lost: true,
      open: false,
      place: undefined,
    }));
  }
}

function endOf({ startUs, durationUs }: PresentationSegment): number {
  return startUs + durationUs;
}
