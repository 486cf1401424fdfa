/**
 * Finds the bytes of a segment or part: in memory while they are new, else in the chunk file.
 * In: MSN and rendition. Out: pieces in the order of the rendition's tracks, fragment by fragment. docs/media.md 15a.
 */
import type { RangeReader } from '../archive/range-reader.ts';
import { interleaveFragments } from '../media/isobmff/interleave.ts';
import type { Rendition } from '../media/rendition-set.ts';
import type { LiveSegment } from '../packager/live-segment.ts';
import type { RenditionPart } from '../packager/rendition-view.ts';
import type { RecordedGroup } from '../recording/recording-reader.ts';
import type { BodyPart } from './reply.ts';

/** Longer segments go out track by track, as they are stored: none is held in memory whole. */
export const MAX_INTERLEAVED_BYTES = 16 * 1024 * 1024;

/** Sum of the pieces' lengths, bytes. */
export function lengthOf(body: readonly BodyPart[]): number {
  return body.reduce((sum, piece) => sum + piece.length, 0);
}

/** A live segment's bytes while they are in memory; undefined once they have left it, or for a hole. */
export function segmentFromMemory(segment: LiveSegment, rendition: Rendition): BodyPart[] | undefined {
  const { bytes } = segment;
  if (!bytes) return undefined;
  const body = rendition.tracks.flatMap((track) => bytes.get(track.id) ?? []);
  if (body.length === 0) return undefined;
  return lengthOf(body) <= MAX_INTERLEAVED_BYTES ? interleaveFragments(body) : body;
}

/** Where the tracks of a recorded segment lie. */
export function storedRanges(group: RecordedGroup, rendition: Rendition) {
  return rendition.tracks.flatMap((track) => {
    const own = group.tracks.find((one) => one.trackId === track.id);
    return own ? [{ location: group.location, offset: own.offset, length: own.length }] : [];
  });
}

/** A recorded segment, the same bytes as in memory: a file range where it is one track, else read when it is sent. Undefined for a hole. */
export function segmentFromStore(
  group: RecordedGroup,
  rendition: Rendition,
  reader: Pick<RangeReader, 'shared'>,
): BodyPart[] | undefined {
  const body = storedRanges(group, rendition);
  if (body.length < 2) return body.length > 0 ? body : undefined;
  const length = lengthOf(body);
  if (length > MAX_INTERLEAVED_BYTES) return body;
  const read = async (): Promise<Uint8Array> => {
    const tracks = await Promise.all(
      body.map(async (one) => joined(await reader.shared(one.location, one.offset, one.length))),
    );
    return Buffer.concat(interleaveFragments(tracks));
  };
  return [{ length, read }];
}

function joined(views: readonly Uint8Array[]): Uint8Array {
  return views.length === 1 ? views[0]! : Buffer.concat(views);
}

/** A part's bytes while they are in memory. */
export function partFromMemory(part: RenditionPart): BodyPart[] | undefined {
  const body: BodyPart[] = [];
  for (const { part: own } of part.pieces) {
    if (!own.bytes) return undefined;
    body.push(own.bytes);
  }
  return body;
}

/** A part's bytes as ranges of the chunk file that its segment is in. */
export function partFromStore(part: RenditionPart, group: RecordedGroup): BodyPart[] | undefined {
  const body: BodyPart[] = [];
  for (const { trackId, part: own } of part.pieces) {
    const track = group.tracks.find((one) => one.trackId === trackId);
    if (!track) return undefined;
    body.push({ location: group.location, offset: track.offset + own.offset, length: own.length });
  }
  return body;
}
