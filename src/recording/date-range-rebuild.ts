/**
 * Rebuilds the date ranges of a chunk file from its data tracks, with the packager's rules.
 * In: the groups of a file. Out: date ranges with their segments (docs/media.md 22).
 */

import { DateRangeTracker } from '@oxbow/media/date-range/date-range-tracker';
import { FormatError } from '@oxbow/media/errors';
import type { DataTrack, Frame, Track } from '@oxbow/media/frame';
import type { CommittedGroup } from '@oxbow/media/isobmff/commit-box';
import { parseSegment } from '@oxbow/media/isobmff/segment-frames';
import type { Abortable, SegmentLocation, SegmentStore } from '../archive/segment-store.ts';
import type { RecordedDateRange } from './date-range-rows.ts';

/** oxbow writes no longer segment of a data track. */
const MAX_BYTES = 4 * 1024 * 1024;

/**
 * @param before date ranges of earlier files, oldest first; called only if the file has data
 * @throws what `read` of the store throws
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
  const dateRanges: RecordedDateRange[] = [];
  for (const group of groups) {
    for (const { trackId, offset, length } of group.tracks) {
      const track = data.get(trackId);
      if (!track || length === 0 || length > MAX_BYTES) continue;
      for (const frame of framesOf(await segments.read(location, { offset, length }, options))) {
        for (const range of book.take(track as DataTrack, frame, group.utcOffsetUs))
          dateRanges.push({ msn: group.msn, range });
      }
    }
  }
  return dateRanges;
}

/** A malformed segment has no date ranges; the media of its group is intact. */
function framesOf(segment: Uint8Array): readonly Frame[] {
  try {
    return parseSegment(segment) ?? [];
  } catch (error) {
    if (error instanceof FormatError) return [];
    throw error;
  }
}
