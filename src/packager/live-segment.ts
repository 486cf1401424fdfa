/**
 * Segments, views and changes of a live window: types shared by the window and its replicas in other threads.
 * In: the packager. Out: live window, delivery. docs/media.md 23a and 25.
 */

import type { CaptionChannel } from '@oxbow/media/captions/caption-channel';
import type { Track, VideoTrack } from '@oxbow/media/frame';
import type { DateRangeTag } from '@oxbow/media/m3u8/playlist';
import type { Run } from '@oxbow/media/run';
import type { Init, Part, SegmentGroup, TrackSegment } from '@oxbow/media/segment';
import { slabPool } from '../lib/memory/slab-pool.ts';
import type { Generation } from './generation.ts';
import type { MeasuredRate } from './recent-rate.ts';

/** A part and its byte range in its track's segment. */
export interface LivePart {
  readonly offset: number;
  readonly length: number;
  /** Presentation time of the first sample, ticks of the track. */
  readonly pts: number;
  /** Ticks of the track. */
  readonly duration: number;
  readonly independent: boolean;
  /** CRC-32 of its segment up to the end of this part. */
  readonly crc: number;
  /** Undefined once they have left memory. Use them through `lend` if they outlast the current call. */
  bytes: Uint8Array | undefined;
  isLent?: boolean;
}

/** One segment of the live window, with the parts of all tracks. */
export interface LiveSegment {
  readonly msn: number;
  readonly run: Run;
  readonly init: Init;
  /** µs since 1970. */
  readonly startUs: number;
  /** UTC at which its run began, µs since 1970; absent where it was read from a recording. */
  readonly runStartUs?: number;
  readonly discontinuity: boolean;
  readonly discontinuitySequence: number;
  /** By track id. */
  readonly parts: Map<number, LivePart[]>;
  /** No further part is expected: the next part begins the next segment. */
  ends?: boolean;
  /** Set when every track has closed it. */
  sealed:
    | {
        readonly durationUs: number;
        readonly tracks: ReadonlyMap<number, Omit<TrackSegment, 'bytes'> & { length: number }>;
      }
    | undefined;
  /**
   * Complete segments by track id, while they are in memory. Use them through `lend` if they outlast the
   * current call.
   */
  bytes: ReadonlyMap<number, Uint8Array> | undefined;
  isLent?: boolean;
}

/** What is known of a segment when it opens. */
export type SegmentOpening = Pick<
  LiveSegment,
  'msn' | 'run' | 'init' | 'startUs' | 'discontinuity' | 'discontinuitySequence'
>;

/** A derived quality as the Multivariant Playlist lists it: frozen while the generation lasts. */
export interface DerivedQuality {
  readonly track: VideoTrack & { readonly rung: string };
  /** Peak of its video, bits per second. */
  readonly bandwidth: number;
  /** Frames per second, three decimals; undefined where it varies. */
  readonly frameRate: number | undefined;
  /** Of its video in the last hour, absent until it is known; it changes while the generation lasts. */
  readonly measured?: MeasuredRate | undefined;
}

/** One generation of the live window, from which playlists are printed. */
export interface LiveWindowView {
  readonly generation: Generation;
  /** The tracks of its last run. */
  readonly tracks: readonly Track[];
  /** Oldest first. Playlists list parts of the first open segment only, because media is listed in order. */
  readonly segments: readonly LiveSegment[];
  /** The playlist has ENDLIST. */
  readonly ended: boolean;
  /** Increases with every change; a playlist of an older version is stale. */
  readonly version: number;
  /** Ranges that reach into the window or begin after it, in order of arrival, one per ID. */
  readonly dateRanges?: readonly DateRangeTag[];
  /** Derived qualities, which have separate windows. */
  readonly qualities?: readonly DerivedQuality[];
  /** Closed captions within its video; undefined where it is not known whether there are any. */
  readonly captions?: readonly CaptionChannel[] | undefined;
  /** From the previous process: only its recorded segments, which may be fewer than it had listed. */
  readonly inherited?: boolean;
}

/** Bounds of a live window. */
export interface LiveWindowLimits {
  /** Duration of the window, µs. */
  readonly windowUs: number;
  /**
   * Recorded media that stays in memory, µs; without parts, the newest segment stays while one is requested.
   */
  readonly memoryUs: number;
  /** Most bytes of media that are not recorded (yet); above it the window drops its oldest segments. */
  readonly maxBytes: number;
}

/** The fields of a sealed group that the window stores. */
export type SealedGroup = Pick<SegmentGroup, 'msn' | 'durationUs' | 'tracks'>;

/** A change of a live window, which its replicas apply. */
export type LiveWindowChange =
  | { readonly do: 'begin'; readonly generation: Generation; readonly tracks: readonly Track[] }
  | { readonly do: 'open'; readonly opening: SegmentOpening }
  | {
      readonly do: 'part';
      readonly msn: number;
      readonly trackId: number;
      readonly part: Part;
      readonly ends: boolean | undefined;
    }
  | { readonly do: 'end-segment'; readonly msn: number }
  | { readonly do: 'date-ranges'; readonly found: readonly DateRangeTag[] }
  | { readonly do: 'seal'; readonly group: SealedGroup }
  | { readonly do: 'qualities'; readonly qualities: readonly DerivedQuality[] }
  | { readonly do: 'captions'; readonly captions: readonly CaptionChannel[] | undefined }
  | { readonly do: 'recorded' | 'lost' | 'erase'; readonly msn: number }
  | { readonly do: 'end' };

/** Complete state of a live window, from which a replica in another thread starts; media bytes are shared. */
export interface LiveWindowState {
  readonly limits: LiveWindowLimits;
  readonly generation: Generation | undefined;
  readonly tracks: readonly Track[];
  readonly segments: readonly LiveSegment[];
  readonly dateRanges: readonly DateRangeTag[];
  readonly ended: boolean;
  readonly recordedMsn: number;
  readonly lost: ReadonlySet<number>;
  readonly version: number;
  readonly previous: LiveWindowView | undefined;
  readonly qualities: readonly DerivedQuality[];
  readonly captions: readonly CaptionChannel[] | undefined;
}

/** Error of the sum of durations in a playlist, µs: EXTINF is rounded, and audio is cut next to video. */
const ROUNDING_US = 200_000;

/** Least media after a removal, µs: three target durations (RFC 8216bis 6.2.2) or HOLD-BACK. */
export function leastUs({ targetDurationS, holdBackS }: Generation): number {
  return Math.max(3 * targetDurationS, holdBackS) * 1_000_000 + ROUNDING_US;
}

/** Duration of the sealed segments, µs, without gaps. */
export function sealedUs(segments: readonly LiveSegment[]): number {
  return segments.reduce((sum, { sealed }) => sum + (sealed?.durationUs ?? 0), 0);
}

/**
 * The segment with an MSN. MSNs are contiguous here, so its index follows from the MSN (docs/media.md 14).
 */
export function at(segments: readonly LiveSegment[], msn: number): LiveSegment | undefined {
  const first = segments[0];
  return first && segments[msn - first.msn];
}

/** The newest segment that every track has closed. */
export function lastSealedOf(segments: readonly LiveSegment[]): LiveSegment | undefined {
  return segments.findLast((segment) => segment.sealed);
}

/** The open segment whose parts are listed. */
export function firstOpenOf(segments: readonly LiveSegment[]): LiveSegment | undefined {
  return segments.find((segment) => !segment.sealed);
}

/** End of the last sealed segment, µs since 1970. */
export function edgeOf(segments: readonly LiveSegment[]): number {
  const last = lastSealedOf(segments);
  return last?.sealed ? last.startUs + last.sealed.durationUs : 0;
}

/** Bytes of a segment that are in memory. */
export function bytesOf({ bytes, parts }: LiveSegment): number {
  let sum = 0;
  if (bytes) for (const whole of bytes.values()) sum += whole.length;
  else for (const trackParts of parts.values()) for (const part of trackParts) sum += part.bytes?.length ?? 0;
  return sum;
}

/**
 * The bytes of a part or segment for a response, a cache or another thread: they stay as they are for as long
 * as they are referenced. Bytes that were never lent are used for other segments when they leave memory.
 */
export function lend<Held extends LivePart | LiveSegment>(held: Held): Held['bytes'] {
  held.isLent = true;
  return held.bytes;
}

/**
 * Removes the bytes of a segment from memory.
 * @param isDecided it is recorded or lost: nothing is writing it
 */
export function dropBytes(segment: LiveSegment, isDecided: boolean): void {
  const { bytes, parts } = segment;
  let isLent = segment.isLent ?? false;
  for (const trackParts of parts.values()) {
    for (const part of trackParts) {
      part.bytes = undefined;
      isLent ||= part.isLent ?? false;
    }
  }
  segment.bytes = undefined;
  for (const whole of bytes?.values() ?? []) {
    if (isDecided && !isLent) slabPool.give(whole);
    else slabPool.forget(whole);
  }
}
