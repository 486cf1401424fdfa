/**
 * Segments as they are stored in files: the bytes that a bucket with the file has too. A rendition with
 * several tracks is in one piece where its tracks follow each other; they are sent track by track then, not
 * fragment by fragment.
 * In: the stored media of a segment. Out: its range of the file; a Reply that a bucket may give in place of
 * oxbow. docs/decisions/0096.
 */
import type { Track } from '@oxbow/media/frame';
import { type SummedRange, sharedIntact } from '../archive/integrity/read-intact.ts';
import type { RangeReader } from '../archive/range-reader.ts';
import type { SegmentLocation, SegmentRange } from '../archive/segment-store.ts';
import { lengthOf, MAX_INTERLEAVED_BYTES } from './body-parts.ts';
import type { Reply } from './reply.ts';
import { caching, contentTypes } from './text-reply.ts';

/** The media of a track in a stored segment. */
interface StoredTrack {
  readonly trackId: number;
  readonly offset: number;
  /** Bytes; 0 without samples. */
  readonly length: number;
  /** Default: the file of the segment. */
  readonly location?: SegmentLocation;
}

/**
 * The ranges of some tracks in a segment, in their order in the file; tracks without media are absent.
 *
 * @param file of the segment; absent where each track has its location
 */
export function rangesOf(
  wanted: readonly Track[],
  tracks: readonly StoredTrack[],
  file?: SegmentLocation,
): SegmentRange[] {
  const ranges: SegmentRange[] = [];
  for (const { id } of wanted) {
    const track = tracks.find(({ trackId, length }) => trackId === id && length > 0);
    const location = track?.location ?? file;
    if (track && location) ranges.push({ location, offset: track.offset, length: track.length });
  }
  return inOrder(ranges);
}

/** The range of a file that is exactly some ranges; undefined if they are not in one piece. */
export function placeOf(ranges: readonly SegmentRange[]): SegmentRange | undefined {
  const [first] = ranges;
  if (!first) return undefined;
  let end = first.offset;
  for (const { location, offset, length } of ranges) {
    if (location !== first.location || offset !== end) return undefined;
    end += length;
  }
  return { location: first.location, offset: first.offset, length: end - first.offset };
}

/** What is stored of a segment. */
interface StoredMedia {
  readonly ranges: readonly SummedRange[];
  /** Of the address: where the segment was in the file when it was listed. */
  readonly offset: number;
  /** Strong validator without quotes. */
  readonly etag: string;
}

/**
 * The reply to a range of a file: nothing is read before it is sent. The bytes stay the same when the file
 * was written again since the segment was listed; then they are sent from here.
 */
export function storedReply(
  { ranges: unordered, offset, etag }: StoredMedia,
  reader: Pick<RangeReader, 'shared'>,
): Reply {
  const ranges = inOrder(unordered);
  const length = lengthOf(ranges);
  const place = placeOf(ranges);
  const blocks = async function* (start: number, end: number) {
    const tracks = await Promise.all(ranges.map((range) => sharedIntact(reader, range)));
    let at = 0;
    for (const view of tracks.flat()) {
      const [from, to] = [Math.max(start - at, 0), Math.min(end - at, view.length)];
      if (from < to) yield view.subarray(from, to);
      at += view.length;
    }
  };
  return {
    contentType: contentTypes.segment,
    cacheControl: caching.forever,
    length,
    // Longer ones are not compared with their checksums, as in `storedBody`.
    body: length <= MAX_INTERLEAVED_BYTES ? [{ length, blocks }] : ranges,
    etag,
    startsAt: offset,
    ...(place?.offset === offset && { stored: place }),
  };
}

function inOrder<Range extends SegmentRange>(ranges: readonly Range[]): Range[] {
  if (ranges.length < 2) return [...ranges];
  // Each file has its own offsets: those of one file stay together.
  return [...ranges].sort((a, b) =>
    a.location === b.location ? a.offset - b.offset : a.location < b.location ? -1 : 1,
  );
}
