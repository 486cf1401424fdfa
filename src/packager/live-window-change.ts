/**
 * Applies a change of a live window to a replica in another thread.
 * In: changes of the original, in order. Out: calls of the replica. docs/media.md 25.
 */
import type { CaptionChannel } from '@oxbow/media/captions/caption-channel';
import type { Track } from '@oxbow/media/frame';
import type { DateRangeTag } from '@oxbow/media/m3u8/playlist';
import type { Part } from '@oxbow/media/segment';
import type { Generation } from './generation.ts';
import type { DerivedQuality, LiveWindowChange, SealedGroup, SegmentOpening } from './live-segment.ts';

/** The calls of a live window that changes report. */
interface Replica {
  begin(generation: Generation, tracks: readonly Track[]): void;
  openSegment(opening: SegmentOpening): void;
  addPart(msn: number, trackId: number, part: Part, ends?: boolean): void;
  endSegment(msn: number): void;
  addDateRanges(dateRanges: readonly DateRangeTag[]): void;
  seal(group: SealedGroup): void;
  offer(qualities: readonly DerivedQuality[]): void;
  announce(captions: readonly CaptionChannel[] | undefined): void;
  recorded(msn: number): void;
  lost(msn: number): void;
  erase(msn: number): void;
  end(): void;
}

/** Makes the call that the change reports. */
export function applyChange(list: Replica, change: LiveWindowChange): void {
  switch (change.do) {
    case 'begin':
      list.begin(change.generation, change.tracks);
      break;
    case 'open':
      list.openSegment(change.opening);
      break;
    case 'part':
      list.addPart(change.msn, change.trackId, change.part, change.ends);
      break;
    case 'end-segment':
      list.endSegment(change.msn);
      break;
    case 'date-ranges':
      list.addDateRanges(change.found);
      break;
    case 'seal':
      list.seal(change.group);
      break;
    case 'qualities':
      list.offer(change.qualities);
      break;
    case 'captions':
      list.announce(change.captions);
      break;
    case 'recorded':
      list.recorded(change.msn);
      break;
    case 'lost':
      list.lost(change.msn);
      break;
    case 'erase':
      list.erase(change.msn);
      break;
    case 'end':
      list.end();
      break;
  }
}
