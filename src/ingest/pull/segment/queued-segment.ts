/**
 * A segment or part of a playlist that waits to be downloaded.
 * In: nothing. Out: the type, which segment-queue fills and the downloads read.
 */
import type { ByteRange } from '../../../media/m3u8/playlist.ts';
import type { SegmentKey } from './encryption.ts';

/** A segment to be fetched. */
export interface QueuedSegment extends Resource {
  readonly msn: number;
  /** The Media Initialization Section. */
  readonly map?: Resource | undefined;
  readonly durationS: number;
  readonly targetDurationS: number;
  /** Timestamps do not continue: EXT-X-DISCONTINUITY, or the origin began anew. */
  readonly discontinuity: boolean;
  readonly discontinuitySequence: number;
  /** Its start as the source tells, carried over from the last EXT-X-PROGRAM-DATE-TIME before it; ms since 1970. */
  readonly programDateTimeMs?: number | undefined;
  /** The tag stands at this very segment. */
  readonly dated: boolean;
  /** From its start to the end of the list it was first seen in, seconds. */
  readonly toEdgeS: number;
  /** When that list arrived, ms since 1970. */
  readonly arrivedMs: number;
  /** The list had EXT-X-ENDLIST: there is time. */
  readonly ended: boolean;
  /** How often the origin had begun anew. */
  readonly epoch: number;
  /** The list's edge by its own dates, where it has any; ms since 1970. */
  readonly edgeMs?: number | undefined;
  /** A Partial Segment: its index within the segment whose number it has, from 0. */
  readonly part?: number | undefined;
  /** Of a source that is followed by its parts: frames come about as they were captured. */
  readonly lowLatency?: true | undefined;
  /**
   * It was in the playlist when that was first loaded, or first loaded after its origin began anew or another playlist took its place: it
   * may repeat what was published. Which of those loads it was, from 1; absent on all later segments.
   */
  readonly opening?: number | undefined;
  /** Parts of it were published before. */
  readonly repeats?: true | undefined;
}

/** A resource or a stretch of one. */
export interface Resource {
  readonly url: URL;
  readonly byteRange?: ByteRange | undefined;
  /** How it is encrypted; absent where it is in the clear. */
  readonly key?: SegmentKey | undefined;
}
