/**
 * How the segments of a playlist or a manifest are encrypted, as its writer needs it.
 * In: the keys of a stream or an asset. Out: hls-media, dash. Types only. RFC 8216bis 4.4.4.4; ISO 23009-1
 * 5.8.4.1.
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
  /** Only of common encryption, whose init sections differ by key: what manifests need too. */
  readonly common?: CommonProtection;
}

/** How a key of common encryption is shown, whose init sections are in the folder of the key. */
export interface CommonProtection {
  /** Unique among the keys of a stream or an asset. */
  readonly name: string;
  /** ContentProtection elements, XML. */
  readonly elements: readonly string[];
  /**
   * Where the Period of this key begins in manifests that change, µs since 1970.
   *
   * @param segment the first one of the Period that is listed
   */
  readonly startUs: (segment: { readonly msn: number; readonly startUs: number }) => number;
}

/** The protection of a segment by its MSN; undefined: it is clear. */
export type ProtectionOf = (msn: number) => Protection | undefined;
