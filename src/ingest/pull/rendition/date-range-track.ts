/**
 * The EXT-X-DATERANGEs of a source as a track of timed metadata beside its media.
 * In: its Media Playlists as they are loaded, and each segment. Out: frames with the attribute list as it came, tied to the media by how
 * far from the frame the range begins. RFC 8216bis 4.4.5.1; docs/media.md 1.
 */
import { OFFSET_ATTRIBUTE } from '../../../media/date-range/date-range-tracker.ts';
import type { DataTrack, Frame } from '../../../media/frame.ts';
import { printDateRange, reachOf } from '../../../media/m3u8/date-range.ts';
import type { DateRangeTag, MediaPlaylist } from '../../../media/m3u8/playlist.ts';
import type { QueuedSegment } from '../segment/queued-segment.ts';
import type { MediaSpan } from './merge-frames.ts';

const TRACK: DataTrack = {
  id: 250,
  kind: 'data',
  timescale: 90_000,
  language: 'und',
  label: '',
  config: { codec: 'daterange', record: new Uint8Array(0), codecs: '' },
};
/** Ranges that are remembered as told. */
const MAX_TOLD = 2000;
/** Ranges that wait for the next segment, and that go with one. */
const MAX_PENDING = 200;

/** The ranges of one source. */
export class DateRangeTrack {
  /** Text of the last word on each ID, oldest first. */
  readonly #told = new Map<string, string>();
  readonly #pending = new Map<string, DateRangeTag>();
  /** There was a range: from now on the track is there, be anything said or not. */
  #begun = false;
  #last = Number.NEGATIVE_INFINITY;

  /** A list of the rendition that is pulled. */
  list({ dateRanges = [] }: MediaPlaylist): void {
    for (const range of dateRanges) {
      if (this.#told.get(range.id) === printDateRange(range)) continue;
      this.#pending.delete(range.id);
      this.#pending.set(range.id, range);
      if (this.#pending.size > MAX_PENDING) this.#pending.delete(this.#pending.keys().next().value!);
    }
  }

  /** The track, once there is something to say. */
  get tracks(): readonly DataTrack[] {
    return this.#begun ? [TRACK] : [];
  }

  /** What goes with a segment: all that is new, also of ranges that begin later; players want to know before. */
  take({ programDateTimeMs, discontinuity }: QueuedSegment, { from, to }: MediaSpan): Frame[] {
    const frames: Frame[] = [];
    if (discontinuity || from < this.#last - 10 * TRACK.timescale) this.#last = Number.NEGATIVE_INFINITY;
    for (const range of this.#pending.values()) {
      const isOver = programDateTimeMs !== undefined && reachOf(range) < programDateTimeMs;
      const isKnown = this.#told.has(range.id);
      this.#remember(range);
      if (isOver && !isKnown) continue;
      const start =
        programDateTimeMs === undefined ? undefined : from + Math.round((range.startDateMs - programDateTimeMs) * 90);
      const at = Math.max(Math.min(Math.max(start ?? from, from), to - 1), this.#last + 1);
      this.#last = at;
      // Without a date of the media there is nothing to tie it to: its own date stands.
      const offset = start === undefined ? '' : `,${OFFSET_ATTRIBUTE}=${((start - at) / TRACK.timescale).toFixed(6)}`;
      const data = new TextEncoder().encode(`${printDateRange(range)}${offset}`);
      frames.push({ trackId: TRACK.id, dts: at, pts: at, duration: 0, key: true, data });
    }
    this.#pending.clear();
    this.#begun ||= frames.length > 0;
    return frames;
  }

  #remember(range: DateRangeTag): void {
    this.#told.delete(range.id);
    this.#told.set(range.id, printDateRange(range));
    if (this.#told.size > MAX_TOLD) this.#told.delete(this.#told.keys().next().value!);
  }
}
