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
import type { Piece } from './reply.ts';

/** Longer segments go out track by track, as they are stored: none is held in memory whole. */
export const MAX_INTERLEAVED_BYTES = 16 * 1024 * 1024;

/** Sum of the pieces' lengths, bytes. */
export function lengthOf(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0);
}

/** A live segment's bytes while they are in memory; undefined once they have left it, or for a hole. */
export function piecesInMemory(segment: LiveSegment, rendition: Rendition): Piece[] | undefined {
  const { bytes } = segment;
  if (!bytes) return undefined;
  const pieces = rendition.tracks.flatMap((track) => bytes.get(track.id) ?? []);
  if (pieces.length === 0) return undefined;
  return lengthOf(pieces) <= MAX_INTERLEAVED_BYTES ? interleaveFragments(pieces) : pieces;
}

/** Where the tracks of a recorded segment lie. */
export function rangesInFile(group: RecordedGroup, rendition: Rendition) {
  return rendition.tracks.flatMap((track) => {
    const own = group.tracks.find((one) => one.trackId === track.id);
    return own ? [{ location: group.location, offset: own.offset, length: own.length }] : [];
  });
}

/** A recorded segment, the same bytes as in memory: a file range where it is one track, else read when it is sent. Undefined for a hole. */
export function piecesInFile(
  group: RecordedGroup,
  rendition: Rendition,
  reader: Pick<RangeReader, 'shared'>,
): Piece[] | undefined {
  const pieces = rangesInFile(group, rendition);
  if (pieces.length < 2) return pieces.length > 0 ? pieces : undefined;
  const length = lengthOf(pieces);
  if (length > MAX_INTERLEAVED_BYTES) return pieces;
  const read = async (): Promise<Uint8Array> => {
    const tracks = await Promise.all(
      pieces.map(async (one) => joined(await reader.shared(one.location, one.offset, one.length))),
    );
    return Buffer.concat(interleaveFragments(tracks));
  };
  return [{ length, read }];
}

function joined(views: readonly Uint8Array[]): Uint8Array {
  return views.length === 1 ? views[0]! : Buffer.concat(views);
}

/** A part's bytes while they are in memory. */
export function partInMemory(part: RenditionPart): Piece[] | undefined {
  const pieces: Piece[] = [];
  for (const { part: own } of part.pieces) {
    if (!own.bytes) return undefined;
    pieces.push(own.bytes);
  }
  return pieces;
}

/** A part's bytes as ranges of the chunk file that its segment is in. */
export function partInFile(part: RenditionPart, group: RecordedGroup): Piece[] | undefined {
  const pieces: Piece[] = [];
  for (const { trackId, part: own } of part.pieces) {
    const track = group.tracks.find((one) => one.trackId === trackId);
    if (!track) return undefined;
    pieces.push({ location: group.location, offset: track.offset + own.offset, length: own.length });
  }
  return pieces;
}
