/**
 * The body of a segment or part from the media of its tracks: fragment by fragment in the order of time.
 * In: media in memory or in the segment store, tracks in the order of the rendition. Out: body parts.
 * docs/media.md 15a.
 */

import { interleaveFragments } from '@oxbow/media/isobmff/interleave';
import { type SummedRange, sharedIntact } from '../archive/integrity/read-intact.ts';
import type { RangeReader } from '../archive/range-reader.ts';
import { lend } from '../packager/live-segment.ts';
import type { RenditionPart } from '../packager/rendition-view.ts';
import type { BodyPart } from './reply.ts';
import type { SegmentMedia } from './segment-media.ts';

/** Longer segments are sent track by track, as they are stored, so that none is in memory as a whole. */
export const MAX_INTERLEAVED_BYTES = 16 * 1024 * 1024;

/** Total length, bytes. */
export function lengthOf(body: readonly BodyPart[]): number {
  return body.reduce((sum, part) => sum + part.length, 0);
}

/** The body of a segment in memory: views of its tracks. */
export function memoryBody(tracks: readonly Uint8Array[]): readonly Uint8Array[] {
  return lengthOf(tracks) <= MAX_INTERLEAVED_BYTES ? interleaveFragments(tracks) : tracks;
}

/**
 * The body of a stored segment, with the same bytes as `memoryBody`, after its checksum was compared: of one
 * track a stored range, which is in the shared blocks now. Longer segments than `MAX_INTERLEAVED_BYTES` are
 * not compared.
 *
 * @throws OxbowError `media-damaged`
 */
export async function storedBody(
  ranges: readonly SummedRange[],
  reader: Pick<RangeReader, 'shared'>,
): Promise<readonly BodyPart[]> {
  if (lengthOf(ranges) > MAX_INTERLEAVED_BYTES) return ranges;
  const tracks = await Promise.all(ranges.map((range) => sharedIntact(reader, range)));
  return ranges.length < 2 ? ranges : interleaveFragments(tracks.map(joinViews));
}

/** Consecutive views as one array; copies only if there are several. */
export function joinViews(views: readonly Uint8Array[]): Uint8Array {
  return views.length === 1 ? views[0]! : Buffer.concat(views);
}

/** The body of a part in memory; undefined once any of its bytes have left memory. */
export function partFromMemory(part: RenditionPart): BodyPart[] | undefined {
  const body: BodyPart[] = [];
  for (const { part: piece } of part.pieces) {
    const bytes = lend(piece);
    if (!bytes) return undefined;
    body.push(bytes);
  }
  return body;
}

/** The body of a part as ranges of its stored segment; undefined if a track is missing there. */
export function partFromStore(part: RenditionPart, { tracks }: SegmentMedia<SummedRange>): BodyPart[] | undefined {
  const body: BodyPart[] = [];
  for (const { trackId, part: piece } of part.pieces) {
    const range = tracks.get(trackId)?.media;
    if (!range) return undefined;
    body.push({ location: range.location, offset: range.offset + piece.offset, length: piece.length });
  }
  return body;
}
