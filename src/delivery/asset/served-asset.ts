/**
 * What delivery needs of an asset: its segments, and the facts that the library has about it.
 * In: implemented by library/asset-media. Out: used by this folder.
 */

import type { TextTrack } from '@oxbow/media/frame';
import type { AssetChapter } from '../../api/library/asset-facts.ts';
import type { AssetIndex } from '../../archive/asset-index.ts';
import type { SegmentLocation } from '../../archive/segment-store.ts';

/** Subtitles next to the media: one WebVTT file, and of ASS the script. */
export interface ServedSubtitle {
  readonly track: TextTrack;
  readonly location: SegmentLocation;
  readonly scriptLocation: SegmentLocation | undefined;
}

/** An asset that viewers can request. */
export interface ServedAsset {
  readonly asset: {
    readonly id: string;
    readonly title: string;
    /** `upload`, or `recording`: then its times are UTC. */
    readonly origin: string;
    /** Of the original; may be empty. */
    readonly filename: string;
    /** Of the original, by its content; may be empty. */
    readonly contentType: string;
    /** Of the original; null while it is uploading. */
    readonly bytes: number | null;
    readonly sha256: string | null;
    readonly durationUs: number | null;
    /** The facts of the import; null until then. */
    readonly facts?: Readonly<Record<string, unknown>> | null;
    /** Where its poster is from, µs; null: from its middle. */
    readonly posterUs: number | null;
    /** How its segments are encrypted; null or absent: as in the settings. */
    readonly encryption?: 'none' | 'aes-128' | 'cbcs' | null;
    /** `uploading`, `processing`, `ready`, `failed`. */
    readonly state: string;
  };
  /** Of the renditions that are complete. */
  readonly index: AssetIndex;
  /** Their tracks are among those of the index. */
  readonly subtitles: readonly ServedSubtitle[];
  readonly chapters: readonly AssetChapter[];
  /** Width of the displayed picture divided by its height; undefined when unknown. */
  readonly displayAspect: number | undefined;
  /** A rendition is still made: playlists will list more. */
  readonly grows: boolean;
}

/** Finds an asset by its id. */
export type FindAsset = (id: string) => Promise<ServedAsset | undefined>;
