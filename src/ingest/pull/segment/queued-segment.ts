/**
 * A segment or part that waits to be downloaded.
 * In: nothing. Out: the type and the id of a resource; created by playlist/list-segments and read by
 * segment-download.
 */
import type { ByteRange } from '@oxbow/media/m3u8/playlist';
import type { SegmentKey } from './encryption.ts';

/** A segment to be fetched. */
export interface QueuedSegment extends Resource {
  readonly msn: number;
  /** The Media Initialization Section. */
  readonly map?: Resource | undefined;
  readonly durationS: number;
  readonly targetDurationS: number;
  /** Timestamps do not continue: EXT-X-DISCONTINUITY, or the origin restarted. */
  readonly discontinuity: boolean;
  readonly discontinuitySequence: number;
  /**
   * Its start by the last EXT-X-PROGRAM-DATE-TIME at or before it, plus the durations since then; ms
   * since 1970.
   */
  readonly programDateTimeMs?: number | undefined;
  /** The segment itself has EXT-X-PROGRAM-DATE-TIME. */
  readonly dated: boolean;
  /** From its start to the end of the playlist that first listed it, seconds. */
  readonly toEdgeS: number;
  /** When that playlist arrived, ms since 1970. */
  readonly arrivedMs: number;
  /** The playlist had EXT-X-ENDLIST, so the download is not urgent. */
  readonly ended: boolean;
  /** How often the origin has restarted. */
  readonly epoch: number;
  /** End of the playlist by its dates, if it has any; ms since 1970. */
  readonly edgeMs?: number | undefined;
  /** Of a Partial Segment: its index within segment `msn`, from 0. */
  readonly part?: number | undefined;
  /** The pull follows the parts of the source: frames arrive about when they were captured. */
  readonly lowLatency?: true | undefined;
  /**
   * Set if the segment was in the first load of the playlist, or in the first load after a restart of the
   * origin or a change of the playlist, so that it may repeat published media. Number of that load, from 1;
   * absent on all later segments.
   */
  readonly opening?: number | undefined;
  /** Parts of it were published before. */
  readonly repeats?: true | undefined;
}

/** A resource or a byte range of one. */
export interface Resource {
  readonly url: URL;
  readonly byteRange?: ByteRange | undefined;
  /** Its encryption; absent if it is not encrypted. */
  readonly key?: SegmentKey | undefined;
}

/** Identifies a resource by its URL and byte range. */
export function idOf({ url, byteRange }: Resource): string {
  return byteRange ? `${url.href} ${byteRange.offset}+${byteRange.length}` : url.href;
}
