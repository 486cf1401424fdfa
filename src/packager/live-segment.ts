/**
 * What a live list consists of, and what may befall it: shapes that the list and its copies in other threads share.
 * In: the packager. Out: live list, delivery. docs/media.md 23a and 25. Pure.
 */
import type { Track } from '../media/frame.ts';
import type { DateRangeTag } from '../media/m3u8/playlist.ts';
import type { Run } from '../media/run.ts';
import type { Init, Part, SegmentGroup, TrackSegment } from '../media/segment.ts';
import type { Generation } from './generation.ts';

/** Where a part lies in its track's segment; its bytes may have left memory. */
export interface LivePart {
  readonly offset: number;
  readonly length: number;
  /** Presentation time of the first sample, ticks of the track. */
  readonly pts: number;
  /** Ticks of the track. */
  readonly duration: number;
  readonly independent: boolean;
  /** CRC-32 of its bytes. */
  readonly crc: number;
  bytes: Uint8Array | undefined;
}

/** One segment as the live list knows it, parts of all tracks. */
export interface LiveSegment {
  readonly msn: number;
  readonly run: Run;
  readonly init: Init;
  /** µs since 1970. */
  readonly startUs: number;
  readonly discontinuity: boolean;
  readonly discontinuitySequence: number;
  /** By track id. */
  readonly parts: Map<number, LivePart[]>;
  /** Its last part is expected to be the last of all: the next one will be the first of the next segment. */
  ends?: boolean;
  /** Set when every track has closed it. `bytes` of its tracks may have left memory; lengths and times stay. */
  sealed:
    | {
        readonly durationUs: number;
        readonly tracks: ReadonlyMap<number, Omit<TrackSegment, 'bytes'> & { length: number }>;
      }
    | undefined;
  /** The whole segments while they are in memory. */
  bytes: ReadonlyMap<number, Uint8Array> | undefined;
}

/** What opens a segment in the list. */
export type SegmentOpening = Pick<
  LiveSegment,
  'msn' | 'run' | 'init' | 'startUs' | 'discontinuity' | 'discontinuitySequence'
>;

/** One generation of the live list, as playlists are printed from it. */
export interface LiveWindowView {
  readonly generation: Generation;
  /** The tracks of its last run. */
  readonly tracks: readonly Track[];
  /** Oldest first. Only the first that is not sealed may show its parts: media is listed in order. */
  readonly segments: readonly LiveSegment[];
  /** The list has ENDLIST and will not grow. */
  readonly ended: boolean;
  /** Rises with every change; what was rendered of an older one is stale. */
  readonly version: number;
  /** What reaches into the list or lies behind it, in the order in which it was told; an ID stands once. */
  readonly dateRanges?: readonly DateRangeTag[];
  /** Of the last process: as much as is recorded, which may be less than had been listed at its end. */
  readonly inherited?: boolean;
}

/** How much is listed and kept. */
export interface LiveWindowLimits {
  /** Length of the list, µs. */
  readonly windowUs: number;
  /** Media that stays in memory although it is recorded, µs; of a list without parts it is the newest segment. */
  readonly memoryUs: number;
  /** Bytes of media that are in memory alone, because they are not recorded (yet); beyond it the list is shortened. */
  readonly maxBytes: number;
}

/** What the list takes of a sealed group. */
export type SealedGroup = Pick<SegmentGroup, 'msn' | 'durationUs' | 'tracks'>;

/** A change of a live window, which its copies apply. */
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
  | { readonly do: 'recorded' | 'lost'; readonly msn: number }
  | { readonly do: 'end' };

/** All that a list is, for a copy of it in another thread; bytes of media are shared. */
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
}

/** A segment by its name. MSNs of a live list are contiguous: only here may a position be computed from one (docs/media.md 14). */
export function at(segments: readonly LiveSegment[], msn: number): LiveSegment | undefined {
  const first = segments[0];
  return first && segments[msn - first.msn];
}

/** End of the last sealed segment, µs since 1970. */
export function edgeOf(segments: readonly LiveSegment[]): number {
  const last = segments.findLast((segment) => segment.sealed);
  return last?.sealed ? last.startUs + last.sealed.durationUs : 0;
}

/** Bytes of a segment that are in memory. */
export function bytesOf({ bytes, parts }: LiveSegment): number {
  let sum = 0;
  if (bytes) for (const whole of bytes.values()) sum += whole.length;
  else for (const own of parts.values()) for (const part of own) sum += part.bytes?.length ?? 0;
  return sum;
}
