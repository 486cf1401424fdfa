/**
 * The EXT-X-DATERANGE tags of a source as a track of timed metadata.
 * In: its Media Playlists as they are loaded, and each segment. Out: frames with the received attribute list
 * and the distance from the frame to the start of the range. RFC 8216bis 4.4.5.1; docs/media.md 1.
 */

import { OFFSET_ATTRIBUTE } from '@oxbow/media/date-range/date-range-tracker';
import type { DataTrack, Frame } from '@oxbow/media/frame';
import { printDateRange, reachOf } from '@oxbow/media/m3u8/date-range';
import type { DateRangeTag, MediaPlaylist } from '@oxbow/media/m3u8/playlist';
import { dropOldest } from '../../../lib/drop-oldest.ts';
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
/** Published ranges that are remembered. */
const MAX_PUBLISHED = 2000;
/** Ranges that wait for the next segment. */
const MAX_PENDING = 200;

/** The ranges of one source. */
export class DateRangeTrack {
  /** Last published attribute list by ID, oldest first. */
  readonly #published = new Map<string, string>();
  readonly #pending = new Map<string, DateRangeTag>();
  /** A range was published: the track exists from now on, even without further frames. */
  #begun = false;
  #last = Number.NEGATIVE_INFINITY;

  /** A playlist of the pulled rendition was loaded. */
  list({ dateRanges = [] }: MediaPlaylist): void {
    for (const range of dateRanges) {
      if (this.#published.get(range.id) === printDateRange(range)) continue;
      this.#pending.delete(range.id);
      this.#pending.set(range.id, range);
      dropOldest(this.#pending, MAX_PENDING);
    }
  }

  /** There was no range so far. */
  get isEmpty(): boolean {
    return !this.#begun && this.#pending.size === 0;
  }

  /** The track, after the first published range. */
  get tracks(): readonly DataTrack[] {
    return this.#begun ? [TRACK] : [];
  }

  /**
   * The frames of a segment: all new ranges, also those that begin later, because players need them in
   * advance.
   */
  take({ programDateTimeMs, discontinuity }: QueuedSegment, { from, to }: MediaSpan): Frame[] {
    const frames: Frame[] = [];
    if (discontinuity || from < this.#last - 10 * TRACK.timescale) this.#last = Number.NEGATIVE_INFINITY;
    for (const range of this.#pending.values()) {
      const isOver = programDateTimeMs !== undefined && reachOf(range) < programDateTimeMs;
      const isKnown = this.#published.has(range.id);
      this.#remember(range);
      if (isOver && !isKnown) continue;
      const start =
        programDateTimeMs === undefined ? undefined : from + Math.round((range.startDateMs - programDateTimeMs) * 90);
      const at = Math.max(Math.min(Math.max(start ?? from, from), to - 1), this.#last + 1);
      this.#last = at;
      // Without a date the media has no position for the range: the range keeps its own date.
      const offset = start === undefined ? '' : `,${OFFSET_ATTRIBUTE}=${((start - at) / TRACK.timescale).toFixed(6)}`;
      const data = new TextEncoder().encode(`${printDateRange(range)}${offset}`);
      frames.push({ trackId: TRACK.id, dts: at, pts: at, duration: 0, key: true, data });
    }
    this.#pending.clear();
    this.#begun ||= frames.length > 0;
    return frames;
  }

  #remember(range: DateRangeTag): void {
    this.#published.delete(range.id);
    this.#published.set(range.id, printDateRange(range));
    dropOldest(this.#published, MAX_PUBLISHED);
  }
}
