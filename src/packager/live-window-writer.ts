/**
 * Writes the live window of a stream: adds segments and parts, drops what is old or does not fit in memory.
 * In: the packager; the recorder, which decides what may leave memory. Out: live-window, and its changes for
 * replicas. RFC 8216bis; docs/media.md 23a.
 */
import assert from 'node:assert/strict';
import type { CaptionChannel } from '@oxbow/media/captions/caption-channel';
import type { Track } from '@oxbow/media/frame';
import { reachOf } from '@oxbow/media/m3u8/date-range';
import type { DateRangeTag } from '@oxbow/media/m3u8/playlist';
import { isSparse } from '@oxbow/media/rendition-set';
import type { Part } from '@oxbow/media/segment';
import { Emitter } from '../lib/events.ts';
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
import { DEFAULT_LIMITS, LEAST_SEGMENTS, LiveWindow, type LiveWindowCounts, MAX_DATE_RANGES } from './live-window.ts';

/** Distance from the live edge, µs, that excludes the newest segment only. */
const NEWEST_US = 1;
/** Fewest segments when memory is short. */
const FEWEST_SEGMENTS = 2;
/** An ended generation stays in memory for four target durations and this, µs. */
const PREVIOUS_FOR_US = 60_000_000;

type Mutable<Shape> = { -readonly [Key in keyof Shape]: Shape[Key] };

/** The state of the window, which readers do not change. */
interface WindowState extends Mutable<LiveWindowState> {
  segments: LiveSegment[];
  /** MSNs of segments that will never be recorded. */
  readonly lost: Set<number>;
}

/** Writes one live window, and nothing else does. Readers get `list`. */
export class LiveWindowWriter {
  readonly #state: WindowState;
  readonly #counts: Mutable<LiveWindowCounts> = { decidedMsn: 0, memoryBytes: 0, erasures: 0 };
  readonly #changes = new Emitter<void>();
  readonly #copied = new Emitter<LiveWindowChange>();
  /** The window, for its readers. */
  readonly list: LiveWindow;

  /**
   * @param previous ended generation of the previous process; a new generation follows, because MSNs may jump
   *   (RFC 8216bis 6.2.2, docs/media.md 14)
   * @param dateRanges those of the previous process
   */
  constructor(
    limits: LiveWindowLimits = DEFAULT_LIMITS,
    previous?: LiveWindowView,
    dateRanges: readonly DateRangeTag[] = previous?.dateRanges ?? [],
  ) {
    this.#state = {
      limits,
      generation: undefined,
      tracks: [],
      segments: [],
      dateRanges,
      ended: false,
      recordedMsn: 0,
      lost: new Set(),
      version: 0,
      previous,
      qualities: [],
      captions: undefined,
    };
    this.list = new LiveWindow(this.#state, this.#counts, { changes: this.#changes, copied: this.#copied });
  }

  /**
   * Creates a replica, which stays equal to the original if every change of the original is applied to it.
   *
   * @param state owned by the replica from now on
   */
  static from(state: LiveWindowState): LiveWindowWriter {
    const { limits, previous, dateRanges, segments, lost } = state;
    const writer = new LiveWindowWriter(limits, previous, dateRanges);
    Object.assign(writer.#state, state, { segments: [...segments], lost: new Set(lost) });
    for (const segment of [...(previous?.segments ?? []), ...segments]) writer.#counts.memoryBytes += bytesOf(segment);
    return writer;
  }

  /** Begins a run. A new `generation` ends the last one; the same one continues. */
  begin(generation: Generation, tracks: readonly Track[]): void {
    this.#tell({ do: 'begin', generation, tracks });
    const state = this.#state;
    if (state.generation && generation.number !== state.generation.number) {
      this.#end();
      this.#dropPrevious();
      state.previous = this.list.view(state.generation.number);
      state.segments = [];
      state.qualities = [];
    }
    state.generation = generation;
    state.tracks = tracks;
    state.ended = false;
    this.#changed();
  }

  /** Adds an empty segment at the end. */
  openSegment(opening: SegmentOpening): void {
    this.#tell({ do: 'open', opening });
    const { segments, tracks, previous } = this.#state;
    const last = segments.at(-1);
    assert(!last || opening.msn === last.msn + 1, 'MSNs of a live list are contiguous');
    const inParts = tracks.filter((track) => !isSparse(track));
    const parts = new Map(inParts.map((track) => [track.id, [] as LivePart[]]));
    const before = last ?? previous?.segments.at(-1);
    const runStartUs = before?.run.id === opening.run.id ? (before.runStartUs ?? before.startUs) : opening.startUs;
    segments.push({ ...opening, runStartUs, parts, sealed: undefined, bytes: undefined });
  }

  /**
   * Adds a part to a segment that is not sealed.
   *
   * @param ends given for the reference track: whether the segment is expected to end with this part
   */
  addPart(msn: number, trackId: number, part: Part, ends?: boolean): void {
    this.#tell({ do: 'part', msn, trackId, part, ends });
    const segment = at(this.#state.segments, msn);
    const parts = segment?.parts.get(trackId);
    if (!parts) return;
    if (ends !== undefined) segment!.ends = ends;
    const last = parts.at(-1);
    const { bytes, pts, duration, independent, crc } = part;
    const offset = last ? last.offset + last.length : 0;
    parts.push({ offset, length: bytes.length, pts, duration, independent, crc, bytes });
    this.#counts.memoryBytes += bytes.length;
    this.#changed();
  }

  /** The reference track closed the segment: no part of it follows. */
  endSegment(msn: number): void {
    this.#tell({ do: 'end-segment', msn });
    const segment = at(this.#state.segments, msn);
    if (!segment || segment.ends) return;
    segment.ends = true;
    this.#changed();
  }

  /** Adds or updates date ranges: they are listed at once, before their segment is sealed. */
  addDateRanges(dateRanges: readonly DateRangeTag[]): void {
    this.#tell({ do: 'date-ranges', found: dateRanges });
    const ids = new Set(dateRanges.map(({ id }) => id));
    const others = this.#state.dateRanges.filter(({ id }) => !ids.has(id));
    this.#state.dateRanges = [...others, ...dateRanges].slice(-MAX_DATE_RANGES);
    this.#changed();
  }

  /** The Multivariant Playlist of this generation lists these derived qualities. */
  offer(qualities: readonly DerivedQuality[]): void {
    this.#tell({ do: 'qualities', qualities });
    this.#state.qualities = qualities;
    this.#changed();
  }

  /** The Multivariant Playlist and the manifest list these captions from now on. */
  announce(captions: readonly CaptionChannel[] | undefined): void {
    this.#tell({ do: 'captions', captions });
    this.#state.captions = captions;
    this.#changed();
  }

  /** Seals a segment that all tracks have closed. */
  seal(group: SealedGroup): void {
    const { msn, durationUs } = group;
    const tracks = group.tracks.map(({ rows: _, ...track }) => track);
    this.#tell({ do: 'seal', group: { msn, durationUs, tracks } });
    const segment = at(this.#state.segments, group.msn);
    if (!segment) return;
    this.#drop(segment);
    const bytes = new Map(tracks.map((track) => [track.trackId, track.bytes]));
    for (const [trackId, whole] of bytes) {
      this.#counts.memoryBytes += whole.length;
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
    const state = this.#state;
    state.recordedMsn = Math.max(state.recordedMsn, msn);
    this.#counts.decidedMsn = Math.max(this.#counts.decidedMsn, msn);
    this.#release();
    this.#changes.emit();
  }

  /** The segment will never be recorded: it stays in memory as long as it is listed. */
  lost(msn: number): void {
    this.#tell({ do: 'lost', msn });
    const state = this.#state;
    this.#counts.decidedMsn = Math.max(this.#counts.decidedMsn, msn);
    if (this.list.find(msn)) state.lost.add(msn);
    this.#changes.emit();
  }

  /**
   * Complete segments up to `msn` were deleted, or some of them: none is listed or in memory any more,
   * because a playlist loses its oldest first.
   */
  erase(msn: number): void {
    this.#tell({ do: 'erase', msn });
    const state = this.#state;
    this.#counts.erasures++;
    this.#dropPrevious();
    if (state.previous?.segments.some((segment) => segment.msn <= msn)) state.previous = undefined;
    const kept = state.segments.findIndex((segment) => !segment.sealed || segment.msn > msn);
    const erased = state.segments.splice(0, kept < 0 ? state.segments.length : kept);
    for (const segment of erased) this.#drop(segment);
    this.#changed();
  }

  /** Adds ENDLIST; the next run needs a new generation. */
  end(): void {
    this.#tell({ do: 'end' });
    this.#end();
  }

  #end(): void {
    const state = this.#state;
    if (state.ended || !state.generation) return;
    state.ended = true;
    // A segment that was never sealed is not listed.
    for (const segment of state.segments) if (!segment.sealed) this.#drop(segment);
    state.segments = state.segments.filter((segment) => segment.sealed);
    this.#changed();
  }

  /** Empties a discarded replica and notifies `changes`, so that waiting requests end. */
  clear(): void {
    this.#state.generation = undefined;
    this.#state.previous = undefined;
    this.#state.segments = [];
    this.#changed();
  }

  #tell(change: LiveWindowChange): void {
    if (this.#copied.size > 0) this.#copied.emit(change);
  }

  #changed(): void {
    this.#state.version++;
    this.#changes.emit();
  }

  /** Drops the oldest segments: those before the window, and those that do not fit in memory. */
  #trim(): void {
    const { segments, limits, previous, generation } = this.#state;
    const edgeUs = edgeOf(segments);
    if (previous) {
      const keepUs = 4_000_000 * previous.generation.targetDurationS + PREVIOUS_FOR_US;
      if (edgeUs - edgeOf(previous.segments) > keepUs || this.#heldAlone > limits.maxBytes) this.#dropPrevious();
    }
    for (let first = segments[0]; first; first = segments[0]) {
      const tooOld =
        edgeUs - first.startUs > limits.windowUs &&
        segments.length > LEAST_SEGMENTS &&
        sealedUs(segments.slice(1)) >= leastUs(generation!);
      const tooMuch = this.#heldAlone > limits.maxBytes && segments.length > FEWEST_SEGMENTS;
      if (!tooOld && !tooMuch) break;
      this.#drop(first);
      segments.shift();
    }
    const firstMs = (segments[0]?.startUs ?? 0) / 1000;
    const { dateRanges } = this.#state;
    if (dateRanges.some((range) => reachOf(range) < firstMs)) {
      this.#state.dateRanges = dateRanges.filter((range) => reachOf(range) >= firstMs);
    }
    this.#release();
  }

  /** Bytes of segments that are not recorded. */
  get #heldAlone(): number {
    const { recordedMsn, lost, previous, segments } = this.#state;
    let bytes = 0;
    // Newest first: without losses, all before the first recorded one are recorded.
    for (const list of [segments, previous?.segments ?? []]) {
      for (let i = list.length - 1; i >= 0; i--) {
        const segment = list[i]!;
        if (segment.msn > recordedMsn || lost.has(segment.msn)) bytes += bytesOf(segment);
        else if (lost.size === 0) return bytes;
      }
    }
    return bytes;
  }

  /**
   * Releases the bytes of recorded segments before the newest seconds; without parts all, while none of the
   * window is requested: who comes then reads what was written just now.
   */
  #release(): void {
    const { segments, previous, generation, limits, recordedMsn, lost } = this.#state;
    const newestUs = segments.some(({ isLent }) => isLent) ? NEWEST_US : 0;
    const untilUs = edgeOf(segments) - (generation?.parts ? limits.memoryUs : newestUs);
    for (const list of [previous?.segments ?? [], segments]) {
      for (const segment of list) {
        if (!segment.sealed || segment.msn > recordedMsn) return;
        if (!segment.bytes || segment.startUs + segment.sealed.durationUs > untilUs) continue;
        if (!lost.has(segment.msn)) this.#drop(segment);
      }
    }
  }

  #dropPrevious(): void {
    for (const segment of this.#state.previous?.segments ?? []) this.#drop(segment);
  }

  #drop(segment: LiveSegment): void {
    const state = this.#state;
    this.#counts.memoryBytes -= bytesOf(segment);
    state.lost.delete(segment.msn);
    dropBytes(segment, segment.msn <= this.#counts.decidedMsn);
  }
}
