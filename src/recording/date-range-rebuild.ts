/**
 * Makes the date ranges of a chunk file again from its data tracks, as the packager made them when they came.
 * In: a file's groups. Out: ranges with the segments in which they were told. docs/media.md 22: the files are the truth.
 */
import type { Abortable, SegmentLocation, SegmentStore } from '../archive/segment-store.ts';
import { FormatError } from '../lib/errors.ts';
import { DateRangeTracker } from '../media/date-range/date-range-tracker.ts';
import type { DataTrack, Frame, Track } from '../media/frame.ts';
import type { CommittedGroup } from '../media/isobmff/commit-box.ts';
import { parseSegment } from '../media/isobmff/segment-frames.ts';
import type { RecordedDateRange } from './date-range-rows.ts';

/** A longer segment of a data track is not ours. */
const MAX_BYTES = 4 * 1024 * 1024;

/**
 * @param before what was told before the file, oldest first; asked only where the file has something to tell
 * Rejects as `read` of the store.
 */
export async function rebuildDateRanges(
  segments: SegmentStore,
  location: SegmentLocation,
  tracks: readonly Track[],
  groups: readonly CommittedGroup[],
  before: () => Promise<readonly RecordedDateRange[]>,
  options?: Abortable,
): Promise<RecordedDateRange[]> {
  const data = new Map(tracks.filter((track) => track.kind === 'data').map((track) => [track.id, track]));
  const hasData = groups.some((group) => group.tracks.some(({ trackId, length }) => length > 0 && data.has(trackId)));
  if (!hasData) return [];
  const book = new DateRangeTracker((await before()).map(({ range }) => range));
  const told: RecordedDateRange[] = [];
  for (const group of groups) {
    for (const { trackId, offset, length } of group.tracks) {
      const track = data.get(trackId);
      if (!track || length === 0 || length > MAX_BYTES) continue;
      for (const frame of framesOf(await segments.read(location, { offset, length }, options))) {
        for (const range of book.take(track as DataTrack, frame, group.utcOffsetUs))
          told.push({ msn: group.msn, range });
      }
    }
  }
  return told;
}

/** What cannot be read says nothing; the media beside it is whole. */
function framesOf(segment: Uint8Array): readonly Frame[] {
  try {
    return parseSegment(segment) ?? [];
  } catch (error) {
    if (error instanceof FormatError) return [];
    throw error;
  }
}
