/**
 * Output of the packager: parts, segments, and groups of all tracks' segments that share an MSN.
 * In: packager/packager. Out: live window, recorder, chunk files. Pure types; bytes are immutable and may be
 * in shared memory.
 */

import type { Track } from './frame.ts';
import type { GapCause } from './gap.ts';
import type { DateRangeTag } from './m3u8/playlist.ts';
import type { Run } from './run.ts';

/** A time range without media, with its cause; it ends where a segment starts. */
export interface StreamGap {
  /** Start, µs since 1970. */
  readonly fromUs: number;
  /** End, µs since 1970, after `fromUs`. */
  readonly toUs: number;
  /** Why media is missing; `offline` if none was expected (stopped, paused, unpublished, not yet started). */
  readonly cause: GapCause | 'offline';
  /** Readable text, at most 200 characters, may be empty; e.g. `HTTP 404 seg81.ts`. */
  readonly detail: string;
}

/**
 * The codec configurations of all tracks, with the number in init URLs; reused when the configurations
 * return.
 */
export interface Init {
  /** 1 and up within a stream. */
  readonly number: number;
  /** Hash of every track's configuration and timescale, 64 lower-case hex digits (SHA-256). */
  readonly hash: string;
  readonly tracks: readonly Track[];
}

/** A Partial Segment of one track: one moof and one mdat. */
export interface Part {
  readonly bytes: Uint8Array;
  /**
   * Presentation time of the first sample, ticks of the track; of the first Part of a segment the earliest of
   * the segment.
   */
  readonly pts: number;
  /** Ticks of the track. */
  readonly duration: number;
  /** Starts with a sync sample (RFC 8216bis 4.4.4.9 INDEPENDENT). */
  readonly independent: boolean;
  /** CRC-32 of its segment up to the end of this part. */
  readonly crc: number;
}

/** The samples of a segment as its moofs have them, in decode order. */
export interface SampleRows {
  /**
   * Of each sample: decode time, ticks; length, bytes; pts − dts, ticks, 0 or more; 1 for a sync sample,
   * otherwise 0.
   */
  readonly samples: Float64Array;
  /** Of each fragment: offset of its first sample in the segment, bytes; number of its samples. */
  readonly fragments: Float64Array;
  /** Of the last sample, ticks. */
  readonly lastDuration: number;
}

/** A Media Segment of one track: its parts, concatenated. */
export interface TrackSegment {
  readonly trackId: number;
  /** All moofs and mdats, in order. */
  readonly bytes: Uint8Array;
  /** Decode time of the first sample, ticks of the track. */
  readonly tfdt: number;
  /**
   * From the first sample to the end of the last, ticks. Where a run ends within B-frames, until the last
   * picture ends: its samples are shorter by those that never came.
   */
  readonly duration: number;
  /**
   * Earliest presentation time − tfdt, ticks, 0 or more: that of the first sample where it is a sync sample.
   */
  readonly firstPtsOffset: number;
  readonly samples: number;
  /** Starts with a sync sample. */
  readonly independent: boolean;
  /** Frames were lost or skipped inside it. */
  readonly damaged: boolean;
  /** CRC-32 of `bytes`. */
  readonly crc: number;
  /** Saves the writer of a file parsing `bytes`; absent from the segments in a live window. */
  readonly rows?: SampleRows;
}

/** The segments of all tracks between two cuts. A track without frames is absent from `tracks`. */
export interface SegmentGroup {
  readonly msn: number;
  readonly run: Run;
  readonly init: Init;
  /** UTC of the cut T, µs since 1970; the PROGRAM-DATE-TIME of the reference track. */
  readonly startUs: number;
  /** Of the reference track, µs. */
  readonly durationUs: number;
  /** First group of a run: EXT-X-DISCONTINUITY precedes it. */
  readonly discontinuity: boolean;
  /** Discontinuities of the stream before and at this group. */
  readonly discontinuitySequence: number;
  /** In the order of track ids. Subtitles and timed metadata only if they have samples in it. */
  readonly tracks: readonly TrackSegment[];
  /** Gaps since the previous group's end, without seams; empty if media joined. */
  readonly gaps: readonly StreamGap[];
  /**
   * Complete date ranges of its data tracks; absent without any. Readers of the file compute them from the
   * tracks.
   */
  readonly dateRanges?: readonly DateRangeTag[];
}
