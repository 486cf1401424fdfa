/**
 * How the segments of a playlist are encrypted, as its writer needs it.
 * In: the keys of a stream or an asset. Out: hls-media. Types only. RFC 8216bis 4.4.4.4.
 */
import type { KeyTag } from '@oxbow/media/m3u8/playlist';

/** How one segment is encrypted. Segments with the same keys share one object. */
export interface Protection {
  /** The EXT-X-KEY tags in force, one for each KEYFORMAT. */
  readonly keys: readonly KeyTag[];
  /** Of the segment and its parts, relative to their usual folder: empty, or with a slash at its end. */
  readonly folder: string;
  /** The tags are in force at EXT-X-MAP too; absent: the section is named while no key is. */
  readonly coversMap?: boolean;
}

/** The protection of a segment by its MSN; undefined: it is clear. */
export type ProtectionOf = (msn: number) => Protection | undefined;
