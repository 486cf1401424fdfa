/**
 * Names of stored media: recordings, exports and what belongs to them.
 * In: text from the index, or parts of a name. Out: locations. Code above `archive` compares and passes them on, and takes none apart.
 */
import assert from 'node:assert/strict';

declare const prefixBrand: unique symbol;
declare const locationBrand: unique symbol;

/** The start of locations, e.g. `recordings/ab12/`; a location is the prefix of itself alone. */
export type SegmentPrefix = string & { readonly [prefixBrand]: true };

/** The name of one stored object, e.g. a chunk file: parts joined by `/`, the same on every system. The index stores it as text. */
export type SegmentLocation = SegmentPrefix & { readonly [locationBrand]: true };

/** A range of one stored object, in bytes. */
export interface SegmentRange {
  readonly location: SegmentLocation;
  readonly offset: number;
  readonly length: number;
}

/**
 * The location that a text names.
 *
 * @param text parts joined by `/`; no part is empty, `.` or `..`
 */
export function segmentLocation(text: string): SegmentLocation {
  assert.match(text, /^(?!\.{0,2}(?:\/|$))[^\\\0]*$/, `${text} is not a location`);
  assert.doesNotMatch(text, /\/\.{0,2}(?:\/|$)/, `${text} is not a location`);
  return text as SegmentLocation;
}

/**
 * The prefix of everything below a folder-like name.
 *
 * @param text parts joined by `/`, without one at the end
 */
export function segmentPrefix(text: string): SegmentPrefix {
  return `${segmentLocation(text)}/` as SegmentPrefix;
}

/** Everything of one stream's recording. */
export function recordingPrefix(streamId: string): SegmentPrefix {
  return segmentPrefix(`recordings/${streamId}`);
}
