/**
 * The live list of a stream: the last minutes as segments and parts, by MSN, and who waits for more.
 * In: the packager. Out: delivery/live, which prints playlists of it and serves its bytes. RFC 8216bis; docs/media.md 23a.
 */
import assert from 'node:assert/strict';
import { Emitter, type Subscribable } from '../lib/events.ts';
import type { Track } from '../media/frame.ts';
import { reachOf } from '../media/m3u8/date-range.ts';
import type { DateRangeTag } from '../media/m3u8/playlist.ts';
import { isSparse } from '../media/rendition-set.ts';
import type { Part } from '../media/segment.ts';
import type { Generation } from './generation.ts';
import {
  at,
  bytesOf,
  edgeOf,
  type LivePart,
  type LiveSegment,
  type LiveWindowChange,
  type LiveWindowLimits,
  type LiveWindowState,
  type LiveWindowView,
  type SealedGroup,
  type SegmentOpening,
} from './live-segment.ts';

/** Five minutes in the list, ten seconds in memory, 16 MiB where nothing is recorded. */
export const DEFAULT_LIMITS: LiveWindowLimits = {
  windowUs: 300_000_000,
  memoryUs: 10_000_000,
  maxBytes: 16 * 1024 * 1024,
};
/** Least distance from the edge, µs: what ends before it is not the newest segment. */
const NEWEST_US = 1;
/** Whatever the window, a list keeps this many segments: players start three from the end. */
export const LEAST_SEGMENTS = 6;
/** Segments that a killed process had listed and not recorded: as many as these may be missing from an inherited list. */
export const MAY_BE_LOST = 2;
/** EXTINF is rounded, and audio is cut beside video: by their durations lists may be this much shorter than they are, µs. */
const ROUNDING_US = 200_000;
/** Date ranges of a list: beyond it those that were told first are left out. */
export const MAX_DATE_RANGES = 300;
/** Even where there is no room for them, a list keeps this many. */
const FEWEST_SEGMENTS = 2;
/** How long the media of an ended generation stays in memory while the next one grows: four target durations and this, µs. */
const PREVIOUS_FOR_US = 60_000_000;

/** The live list; one per stream, over all generations. */
export class LiveWindow {
  readonly #limits: LiveWindowLimits;
  readonly #changes = new Emitter<void>();
  readonly #copied = new Emitter<LiveWindowChange>();
  #generation: Generation | undefined;
  #tracks: readonly Track[] = [];
  #segments: LiveSegment[] = [];
  #dateRanges: readonly DateRangeTag[];
  #ended = false;
  #recordedMsn = 0;
  #decidedMsn = 0;
  /** Segments before it that the recording has not. */
  readonly #lost = new Set<number>();
  #version = 0;
  #bytes = 0;
  /** The generation before this one, so that its players learn that it ended. */
  #previous: LiveWindowView | undefined;

  /**
   * @param previous the list of the last process, ended: its MSNs may not go on without a jump (RFC 8216bis 6.2.2, docs/media.md 14), so
   * another generation follows
   * @param dateRanges what the last process knew
   */
  constructor(
    limits: LiveWindowLimits = DEFAULT_LIMITS,
    previous?: LiveWindowView,
    dateRanges: readonly DateRangeTag[] = previous?.dateRanges ?? [],
  ) {
    this.#limits = limits;
    this.#previous = previous;
    this.#dateRanges = dateRanges;
  }

  /**
   * Makes a copy, which stays equal to the original if every change of the original is applied to it.
   *
   * @param state belongs to the copy from now on
   */
  static from(state: LiveWindowState): LiveWindow {
    const list = new LiveWindow(state.limits, state.previous, state.dateRanges);
    list.#generation = state.generation;
    list.#tracks = state.tracks;
    list.#segments = [...state.segments];
    list.#ended = state.ended;
    list.#recordedMsn = state.recordedMsn;
    for (const msn of state.lost) list.#lost.add(msn);
    list.#version = state.version;
    for (const segment of [...(state.previous?.segments ?? []), ...state.segments]) list.#bytes += bytesOf(segment);
    return list;
  }

  /** The current state. It is live: copy it at once. */
  get state(): LiveWindowState {
    return {
      limits: this.#limits,
      generation: this.#generation,
      tracks: this.#tracks,
      segments: this.#segments,
      dateRanges: this.#dateRanges,
      ended: this.#ended,
      recordedMsn: this.#recordedMsn,
      lost: this.#lost,
      version: this.#version,
      previous: this.#previous,
    };
  }

  /** Changes that copies must apply; each is emitted before `changes`. */
  get copied(): Subscribable<LiveWindowChange> {
    return this.#copied;
  }

  /** Applies a change of the original to this copy. */
  apply(change: LiveWindowChange): void {
    switch (change.do) {
      case 'begin':
        this.begin(change.generation, change.tracks);
        break;
      case 'open':
        this.openSegment(change.opening);
        break;
      case 'part':
        this.addPart(change.msn, change.trackId, change.part, change.ends);
        break;
      case 'end-segment':
        this.endSegment(change.msn);
        break;
      case 'date-ranges':
        this.addDateRanges(change.found);
        break;
      case 'seal':
        this.seal(change.group);
        break;
      case 'recorded':
        this.recorded(change.msn);
        break;
      case 'lost':
        this.lost(change.msn);
        break;
      case 'end':
        this.end();
        break;
    }
  }

  /** Fires after every change: part, segment, end, new generation. */
  get changes(): Subscribable<void> {
    return this.#changes;
  }

  /** Rises with every change; what was rendered of an older one is stale. */
  get version(): number {
    return this.#version;
  }

  /** Up to this MSN every segment is recorded or lost, as far as this process made it. */
  get decidedMsn(): number {
    return this.#decidedMsn;
  }

  /** The promises in force: of the list that grows now, or that grew last. */
  get generation(): Generation | undefined {
    return this.#generation;
  }

  /** The newest promises that were ever made, be it by the last process. */
  get lastGeneration(): Generation | undefined {
    return this.#generation ?? this.#previous?.generation;
  }

  /** The tracks of the run that flows or flowed last. */
  get tracks(): readonly Track[] {
    return this.#tracks;
  }

  /** The list has ENDLIST and will not grow. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Oldest first. Only the first that is not sealed may show its parts: media is listed in order. */
  get segments(): readonly LiveSegment[] {
    return this.#segments;
  }

  /** Media held in memory, bytes. */
  get memoryBytes(): number {
    return this.#bytes;
  }

  /** The list is ready to be shown: a segment is sealed. */
  get ready(): boolean {
    return this.#segments[0]?.sealed !== undefined;
  }

  /** The list of one generation: the one that grows, or the one before it; undefined for any other. */
  view(number: number): LiveWindowView | undefined {
    if (this.#generation?.number !== number)
      return this.#previous?.generation.number === number ? this.#previous : undefined;
    return {
      generation: this.#generation,
      tracks: this.#tracks,
      segments: this.#segments,
      ended: this.#ended,
      version: this.#version,
      dateRanges: this.#dateRanges,
    };
  }

  /** A segment by its name, of this generation or the one before. */
  find(msn: number): LiveSegment | undefined {
    return at(this.#segments, msn) ?? at(this.#previous?.segments ?? [], msn);
  }

  /** The last sealed segment. */
  get lastSealed(): LiveSegment | undefined {
    return this.#segments.findLast((segment) => segment.sealed);
  }

  /** The segment in the making whose parts may be listed. */
  get open(): LiveSegment | undefined {
    return this.#segments.find((segment) => !segment.sealed);
  }

  /** A run begins, under the promises of `generation`; those of the last one if it is the same. */
  begin(generation: Generation, tracks: readonly Track[]): void {
    this.#tell({ do: 'begin', generation, tracks });
    if (this.#generation && generation.number !== this.#generation.number) {
      this.#end();
      this.#dropPrevious();
      this.#previous = this.view(this.#generation.number);
      this.#segments = [];
    }
    this.#generation = generation;
    this.#tracks = tracks;
    this.#ended = false;
    this.#changed();
  }

  /** Adds an empty segment at the end. */
  openSegment(opening: SegmentOpening): void {
    this.#tell({ do: 'open', opening });
    const last = this.#segments.at(-1);
    assert(!last || opening.msn === last.msn + 1, 'MSNs of a live list are contiguous');
    const inParts = this.#tracks.filter((track) => !isSparse(track));
    const parts = new Map(inParts.map((track) => [track.id, [] as LivePart[]]));
    this.#segments.push({ ...opening, parts, sealed: undefined, bytes: undefined });
  }

  /**
   * Adds a part to a segment that is not sealed.
   *
   * @param ends given for the track that is cut at: whether the segment is expected to end with this part
   */
  addPart(msn: number, trackId: number, part: Part, ends?: boolean): void {
    this.#tell({ do: 'part', msn, trackId, part, ends });
    const segment = at(this.#segments, msn);
    const parts = segment?.parts.get(trackId);
    if (!parts) return;
    if (ends !== undefined) segment!.ends = ends;
    const last = parts.at(-1);
    const { bytes, pts, duration, independent, crc } = part;
    const offset = last ? last.offset + last.length : 0;
    parts.push({ offset, length: bytes.length, pts, duration, independent, crc, bytes });
    this.#bytes += bytes.length;
    this.#changed();
  }

  /** The track that is cut at closed the segment: no part of it will follow. */
  endSegment(msn: number): void {
    this.#tell({ do: 'end-segment', msn });
    const segment = at(this.#segments, msn);
    if (!segment || segment.ends) return;
    segment.ends = true;
    this.#changed();
  }

  /** Ranges begin or say more of themselves: they are listed at once, before the media that they speak of is sealed. */
  addDateRanges(found: readonly DateRangeTag[]): void {
    this.#tell({ do: 'date-ranges', found });
    const ids = new Set(found.map(({ id }) => id));
    this.#dateRanges = [...this.#dateRanges.filter(({ id }) => !ids.has(id)), ...found].slice(-MAX_DATE_RANGES);
    this.#changed();
  }

  /** All tracks closed the segment. */
  seal(group: SealedGroup): void {
    const { msn, durationUs, tracks } = group;
    this.#tell({ do: 'seal', group: { msn, durationUs, tracks } });
    const segment = at(this.#segments, group.msn);
    if (!segment) return;
    this.#drop(segment);
    const bytes = new Map(group.tracks.map((track) => [track.trackId, track.bytes]));
    for (const [trackId, whole] of bytes) {
      this.#bytes += whole.length;
      // Parts become views of the whole: a slab that was outgrown is let go.
      for (const part of segment.parts.get(trackId) ?? []) {
        part.bytes = whole.subarray(part.offset, part.offset + part.length);
      }
    }
    segment.bytes = bytes;
    segment.sealed = {
      durationUs: group.durationUs,
      tracks: new Map(group.tracks.map(({ bytes: own, ...rest }) => [rest.trackId, { ...rest, length: own.length }])),
    };
    this.#trim();
    this.#changed();
  }

  /** The recording holds everything up to `msn`: it may leave memory. */
  recorded(msn: number): void {
    this.#tell({ do: 'recorded', msn });
    this.#recordedMsn = Math.max(this.#recordedMsn, msn);
    this.#decidedMsn = Math.max(this.#decidedMsn, msn);
    this.#release();
  }

  /** The recording will never have that segment: it stays in memory as long as it is listed. */
  lost(msn: number): void {
    this.#tell({ do: 'lost', msn });
    this.#decidedMsn = Math.max(this.#decidedMsn, msn);
    if (this.find(msn)) this.#lost.add(msn);
  }

  /** ENDLIST: nothing will be added; the next run needs a new generation. */
  end(): void {
    this.#tell({ do: 'end' });
    this.#end();
  }

  #end(): void {
    if (this.#ended || !this.#generation) return;
    this.#ended = true;
    // A segment that never closed is not listed.
    for (const segment of this.#segments) if (!segment.sealed) this.#drop(segment);
    this.#segments = this.#segments.filter((segment) => segment.sealed);
    this.#changed();
  }

  /** A copy is let go: it knows nothing any more, and whoever waits for it looks elsewhere. */
  clear(): void {
    this.#generation = undefined;
    this.#previous = undefined;
    this.#segments = [];
    this.#changed();
  }

  #tell(change: LiveWindowChange): void {
    if (this.#copied.size > 0) this.#copied.emit(change);
  }

  #changed(): void {
    this.#version++;
    this.#changes.emit();
  }

  /** Shortens the list to its window, and to what can be served. */
  #trim(): void {
    const edgeUs = edgeOf(this.#segments);
    const before = this.#previous;
    if (before) {
      const keepUs = 4_000_000 * before.generation.targetDurationS + PREVIOUS_FOR_US;
      if (edgeUs - edgeOf(before.segments) > keepUs || this.#heldAlone() > this.#limits.maxBytes) this.#dropPrevious();
    }
    for (let first = this.#segments[0]; first; first = this.#segments[0]) {
      const tooOld =
        edgeUs - first.startUs > this.#limits.windowUs &&
        this.#segments.length > LEAST_SEGMENTS &&
        this.#behindUs(1) >= this.#leastUs();
      const tooMuch = this.#heldAlone() > this.#limits.maxBytes && this.#segments.length > FEWEST_SEGMENTS;
      if (!tooOld && !tooMuch) break;
      this.#drop(first);
      this.#lost.delete(first.msn);
      this.#segments.shift();
    }
    const firstMs = (this.#segments[0]?.startUs ?? 0) / 1000;
    if (this.#dateRanges.some((range) => reachOf(range) < firstMs)) {
      this.#dateRanges = this.#dateRanges.filter((range) => reachOf(range) >= firstMs);
    }
    this.#release();
  }

  /** Media from a segment on, by its place in the list, µs: a hole in the window is nothing that could be played. */
  #behindUs(index: number): number {
    return this.#segments.slice(index).reduce((sum, { sealed }) => sum + (sealed?.durationUs ?? 0), 0);
  }

  /** Nothing is removed that would leave less than three target durations (RFC 8216bis 6.2.2), or than players shall stay behind, µs. */
  #leastUs(): number {
    const { targetDurationS, holdBackS } = this.#generation!;
    return Math.max(3 * targetDurationS, holdBackS) * 1_000_000 + ROUNDING_US;
  }

  /** Bytes that could not be read from elsewhere. */
  #heldAlone(): number {
    let bytes = 0;
    for (const segment of [...(this.#previous?.segments ?? []), ...this.#segments]) {
      if (segment.msn > this.#recordedMsn || this.#lost.has(segment.msn)) bytes += bytesOf(segment);
    }
    return bytes;
  }

  /** Lets go of bytes that the recording has and that no longer belong to the newest seconds. */
  #release(): void {
    const untilUs = edgeOf(this.#segments) - (this.#generation?.parts ? this.#limits.memoryUs : NEWEST_US);
    for (const segment of [...(this.#previous?.segments ?? []), ...this.#segments]) {
      if (!segment.sealed || segment.msn > this.#recordedMsn) break;
      if (this.#lost.has(segment.msn)) continue;
      if (segment.bytes && segment.startUs + segment.sealed.durationUs <= untilUs) this.#drop(segment);
    }
  }

  #dropPrevious(): void {
    for (const segment of this.#previous?.segments ?? []) {
      this.#drop(segment);
      this.#lost.delete(segment.msn);
    }
  }

  #drop(segment: LiveSegment): void {
    this.#bytes -= bytesOf(segment);
    segment.bytes = undefined;
    for (const parts of segment.parts.values()) for (const part of parts) part.bytes = undefined;
  }
}
