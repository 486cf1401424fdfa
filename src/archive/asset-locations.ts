/**
 * Locations of assets: `assets/ID/original` and `assets/ID/RENDITION/FIRST MSN-FENCE.mp4`.
 * In: ids, MSNs. Out: locations. docs/decisions/0030.
 */
import { type SegmentLocation, type SegmentPrefix, segmentLocation, segmentPrefix } from './segment-store.ts';

/** Prefix of the files of all assets. */
export const ASSETS: SegmentPrefix = segmentPrefix('assets');

/** Prefix of everything that is stored of an asset. */
export function assetPrefix(id: string): SegmentPrefix {
  return segmentPrefix(`${ASSETS}${id}`);
}

/** Location of the file as it was uploaded. */
export function originalLocation(id: string): SegmentLocation {
  return segmentLocation(`${assetPrefix(id)}original`);
}

/** Location of a picture or text that was made for players, e.g. `poster.jpg`. */
export function extraLocation(id: string, file: string): SegmentLocation {
  return segmentLocation(`${assetPrefix(id)}extra/${file}`);
}

/**
 * Location of a chunk file.
 *
 * @param firstMsn of its first segment
 * @param fence token of the lease of the job that wrote it: two jobs never write the same file
 */
export function assetChunkLocation(id: string, rendition: string, firstMsn: number, fence: number): SegmentLocation {
  return segmentLocation(`${assetPrefix(id)}${rendition}/${firstMsn}-${fence}.mp4`);
}
