/**
 * The live window of a stream: the segments and parts of the last minutes, by MSN, and their changes.
 * In: the packager. Out: delivery/live, which prints playlists and serves the bytes. RFC 8216bis;
 * docs/media.md 23a.
 */
import assert from 'node:assert/strict';
import type { CaptionChannel } from '@oxbow/media/captions/caption-channel';
import type { Track } from '@oxbow/media/frame';
import { reachOf } from '@oxbow/media/m3u8/date-range';
import type { DateRangeTag } from '@oxbow/media/m3u8/playlist';
import { isSparse } from '@oxbow/media/rendition-set';
import type { Part } from '@oxbow/media/segment';
import { Emitter, type Subscribable } from '../lib/events.ts';
import type { Generation } from './generation.ts';
import {
  at,
  bytesOf,
  type DerivedQuality,
  dropBytes,
  edgeOf,
  type LivePart,
  type LiveSegment,
  type LiveWindowChange,
  type LiveWindowLimits,
  type LiveWindowState,
  type LiveWindowView,
  leastUs,
  type SealedGroup,
  type SegmentOpening,
  sealedUs,
} from './live-segment.ts';
import { applyChange } from './live-window-change.ts';

/** Five minutes of segments, ten seconds in memory, 16 MiB if nothing is recorded. */
export const DEFAULT_LIMITS: LiveWindowLimits = {
  windowUs: 300_000_000,
  memoryUs: 10_000_000,
  maxBytes: 16 * 1024 * 1024,
};
/** Distance from the live edge, µs, that excludes the newest segment only. */
const NEWEST_US = 1;
/** Fewest segments for a short window: players start three from the end. */
export const LEAST_SEGMENTS = 6;
/** Segments that a killed process may have listed but not recorded. */
export const MAY_BE_LOST = 2;
/** Most date ranges; above it the oldest are dropped. */
export const MAX_DATE_RANGES = 300;
/** Fewest segments when memory is short. */
const FEWEST_SEGMENTS = 2;
/** An ended generation stays in memory for four target durations and this, µs. */
const PREVIOUS_FOR_US = 60_000_000;

/** The live window of one stream, over all generations. */
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
  /** MSNs of segments that will never be recorded. */
  readonly #lost = new Set<number>();
  #version = 0;
  #bytes = 0;
  /** The generation before this one, so that its players read that it ended. */
  #previous: LiveWindowView | undefined;
  #qualities: readonly DerivedQuality[] = [];
  #captions: readonly CaptionChannel[] | undefined;
  #erasures = 0;

  /**
   * @param previous ended generation of the previous process; a new generation follows, because MSNs may jump
   *   (RFC 8216bis 6.2.2,
   * docs/media.md 14)
   * @param dateRanges those of the previous process
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
   * Creates a replica, which stays equal to the original if every change of the original is applied to it.
   *
   * @param state owned by the replica from now on
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
    list.#qualities = state.qualities;
    list.#captions = state.captions;
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
      qualities: this.#qualities,
      captions: this.#captions,
    };
  }

  /** Changes that replicas must apply; each is emitted before `changes`. */
  get copied(): Subscribable<LiveWindowChange> {
    return this.#copied;
  }

  /** Applies a change of the original to this replica. */
  apply(change: LiveWindowChange): void {
    applyChange(this, change);
  }

  /** Fires after every change: part, segment, end, new generation. */
  get changes(): Subscribable<void> {
    return this.#changes;
  }

  /** Increases with every change; a playlist of an older version is stale. */
  get version(): number {
    return this.#version;
  }

  /** Up to this MSN every segment of this process is recorded or lost. */
  get decidedMsn(): number {
    return this.#decidedMsn;
  }

  /** The generation that grows now or grew last in this process. */
  get generation(): Generation | undefined {
    return this.#generation;
  }

  /** Like `generation`, otherwise that of the previous process. */
  get lastGeneration(): Generation | undefined {
    return this.#generation ?? this.#previous?.generation;
  }

  /** The tracks of the current or last run. */
  get tracks(): readonly Track[] {
    return this.#tracks;
  }

  /** The playlist has ENDLIST. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Oldest first. Playlists list parts of the first open segment only, because media is listed in order. */
  get segments(): readonly LiveSegment[] {
    return this.#segments;
  }

  /** Media held in memory, bytes. */
  get memoryBytes(): number {
    return this.#bytes;
  }

  /** A segment is sealed, so there is a playlist. */
  get ready(): boolean {
    return this.#segments[0]?.sealed !== undefined;
  }

  /** The current generation or the one before it, by number; undefined for any other. */
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
      qualities: this.#qualities,
      captions: this.#captions,
    };
  }

  /** The segment with an MSN, of this generation or the one before. */
  find(msn: number): LiveSegment | undefined {
    return at(this.#segments, msn) ?? at(this.#previous?.segments ?? [], msn);
  }

  /** The last sealed segment. */
  get lastSealed(): LiveSegment | undefined {
    return this.#segments.findLast((segment) => segment.sealed);
  }

  /** The open segment whose parts are listed. */
  get open(): LiveSegment | undefined {
    return this.#segments.find((segment) => !segment.sealed);
  }

  /** Begins a run. A new `generation` ends the last one; the same one continues. */
  begin(generation: Generation, tracks: readonly Track[]): void {
    this.#tell({ do: 'begin', generation, tracks });
    if (this.#generation && generation.number !== this.#generation.number) {
      this.#end();
      this.#dropPrevious();
      this.#previous = this.view(this.#generation.number);
      this.#segments = [];
      this.#qualities = [];
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
    const before = last ?? this.#previous?.segments.at(-1);
    const runStartUs = before?.run.id === opening.run.id ? (before.runStartUs ?? before.startUs) : opening.startUs;
    this.#segments.push({ ...opening, runStartUs, parts, sealed: undefined, bytes: undefined });
  }

  /**
   * Adds a part to a segment that is not sealed.
   *
   * @param ends given for the reference track: whether the segment is expected to end with this part
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

  /** The reference track closed the segment: no part of it follows. */
  endSegment(msn: number): void {
    this.#tell({ do: 'end-segment', msn });
    const segment = at(this.#segments, msn);
    if (!segment || segment.ends) return;
    segment.ends = true;
    this.#changed();
  }

  /** Adds or updates date ranges: they are listed at once, before their segment is sealed. */
  addDateRanges(dateRanges: readonly DateRangeTag[]): void {
    this.#tell({ do: 'date-ranges', found: dateRanges });
    const ids = new Set(dateRanges.map(({ id }) => id));
    this.#dateRanges = [...this.#dateRanges.filter(({ id }) => !ids.has(id)), ...dateRanges].slice(-MAX_DATE_RANGES);
    this.#changed();
  }

  /** Derived qualities that are live next to this generation. */
  get qualities(): readonly DerivedQuality[] {
    return this.#qualities;
  }

  /** The Multivariant Playlist of this generation lists these derived qualities. */
  offer(qualities: readonly DerivedQuality[]): void {
    this.#tell({ do: 'qualities', qualities });
    this.#qualities = qualities;
    this.#changed();
  }

  /** Closed captions within its video; undefined where it is not known whether there are any. */
  get captions(): readonly CaptionChannel[] | undefined {
    return this.#captions;
  }

  /** The Multivariant Playlist and the manifest list these captions from now on. */
  announce(captions: readonly CaptionChannel[] | undefined): void {
    this.#tell({ do: 'captions', captions });
    this.#captions = captions;
    this.#changed();
  }

  /** Seals a segment that all tracks have closed. */
  seal(group: SealedGroup): void {
    const { msn, durationUs } = group;
    const tracks = group.tracks.map(({ rows: _, ...track }) => track);
    this.#tell({ do: 'seal', group: { msn, durationUs, tracks } });
    const segment = at(this.#segments, group.msn);
    if (!segment) return;
    this.#drop(segment);
    const bytes = new Map(tracks.map((track) => [track.trackId, track.bytes]));
    for (const [trackId, whole] of bytes) {
      this.#bytes += whole.length;
      // Parts become views of the segment, so that outgrown slabs can be collected.
      for (const part of segment.parts.get(trackId) ?? []) {
        part.bytes = whole.subarray(part.offset, part.offset + part.length);
      }
    }
    segment.bytes = bytes;
    segment.sealed = {
      durationUs: group.durationUs,
      tracks: new Map(tracks.map(({ bytes: media, ...track }) => [track.trackId, { ...track, length: media.length }])),
    };
    this.#trim();
    this.#changed();
  }

  /** Everything up to `msn` is recorded and may leave memory. */
  recorded(msn: number): void {
    this.#tell({ do: 'recorded', msn });
    this.#recordedMsn = Math.max(this.#recordedMsn, msn);
    this.#decidedMsn = Math.max(this.#decidedMsn, msn);
    this.#release();
  }

  /** The segment will never be recorded: it stays in memory as long as it is listed. */
  lost(msn: number): void {
    this.#tell({ do: 'lost', msn });
    this.#decidedMsn = Math.max(this.#decidedMsn, msn);
    if (this.find(msn)) this.#lost.add(msn);
  }

  /** Rises when segments are deleted: what caches have of older segments may be deleted. */
  get erasures(): number {
    return this.#erasures;
  }

  /**
   * Complete segments up to `msn` were deleted, or some of them: none is listed or in memory any more,
   * because a playlist loses its oldest first.
   */
  erase(msn: number): void {
    this.#tell({ do: 'erase', msn });
    this.#erasures++;
    this.#dropPrevious();
    if (this.#previous?.segments.some((segment) => segment.msn <= msn)) this.#previous = undefined;
    const kept = this.#segments.findIndex((segment) => !segment.sealed || segment.msn > msn);
    for (const segment of this.#segments.splice(0, kept < 0 ? this.#segments.length : kept)) this.#drop(segment);
    this.#changed();
  }

  /** Adds ENDLIST; the next run needs a new generation. */
  end(): void {
    this.#tell({ do: 'end' });
    this.#end();
  }

  #end(): void {
    if (this.#ended || !this.#generation) return;
    this.#ended = true;
    // A segment that was never sealed is not listed.
    for (const segment of this.#segments) if (!segment.sealed) this.#drop(segment);
    this.#segments = this.#segments.filter((segment) => segment.sealed);
    this.#changed();
  }

  /** Empties a discarded replica and notifies `changes`, so that waiting requests end. */
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

  /** Drops the oldest segments: those before the window, and those that do not fit in memory. */
  #trim(): void {
    const edgeUs = edgeOf(this.#segments);
    const before = this.#previous;
    if (before) {
      const keepUs = 4_000_000 * before.generation.targetDurationS + PREVIOUS_FOR_US;
      if (edgeUs - edgeOf(before.segments) > keepUs || this.#heldAlone > this.#limits.maxBytes) this.#dropPrevious();
    }
    for (let first = this.#segments[0]; first; first = this.#segments[0]) {
      const tooOld =
        edgeUs - first.startUs > this.#limits.windowUs &&
        this.#segments.length > LEAST_SEGMENTS &&
        sealedUs(this.#segments.slice(1)) >= leastUs(this.#generation!);
      const tooMuch = this.#heldAlone > this.#limits.maxBytes && this.#segments.length > FEWEST_SEGMENTS;
      if (!tooOld && !tooMuch) break;
      this.#drop(first);
      this.#segments.shift();
    }
    const firstMs = (this.#segments[0]?.startUs ?? 0) / 1000;
    if (this.#dateRanges.some((range) => reachOf(range) < firstMs)) {
      this.#dateRanges = this.#dateRanges.filter((range) => reachOf(range) >= firstMs);
    }
    this.#release();
  }

  /** Bytes of segments that are not recorded. */
  get #heldAlone(): number {
    const isAlone = ({ msn }: LiveSegment) => msn > this.#recordedMsn || this.#lost.has(msn);
    return [...(this.#previous?.segments ?? []), ...this.#segments].reduce(
      (sum, segment) => (isAlone(segment) ? sum + bytesOf(segment) : sum),
      0,
    );
  }

  /** Releases the bytes of recorded segments before the newest seconds. */
  #release(): void {
    const untilUs = edgeOf(this.#segments) - (this.#generation?.parts ? this.#limits.memoryUs : NEWEST_US);
    for (const segment of [...(this.#previous?.segments ?? []), ...this.#segments]) {
      if (!segment.sealed || segment.msn > this.#recordedMsn) break;
      if (this.#lost.has(segment.msn)) continue;
      if (segment.bytes && segment.startUs + segment.sealed.durationUs <= untilUs) this.#drop(segment);
    }
  }

  #dropPrevious(): void {
    for (const segment of this.#previous?.segments ?? []) this.#drop(segment);
  }

  #drop(segment: LiveSegment): void {
    this.#bytes -= bytesOf(segment);
    this.#lost.delete(segment.msn);
    dropBytes(segment, segment.msn <= this.#decidedMsn);
  }
}
