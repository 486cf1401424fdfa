/**
 * Converts a recorded group into a segment of a live playlist, for playlists that reach further back than
 * memory.
 * In: a group of the recording. Out: a segment without bytes; its URL is served from the file.
 */
import { damagedFlag, independentFlag } from '@oxbow/media/isobmff/commit-box';
import type { Init } from '@oxbow/media/segment';
import type { LiveSegment } from '../packager/live-segment.ts';
import type { RecordedGroup } from './recording-reader.ts';

/** @param init the codec configuration with the group's `initNumber` */
export function toListedSegment(group: RecordedGroup, init: Init): LiveSegment {
  const { msn, startUs, durationUs, discontinuity, discontinuitySequence } = group;
  const tracks = group.tracks
    .filter((track) => track.length > 0)
    .map(({ flags, offset: _offset, ...track }) => {
      const independent = (flags & independentFlag) !== 0;
      return [track.trackId, { ...track, independent, damaged: (flags & damagedFlag) !== 0 }] as const;
    });
  return {
    msn,
    init,
    startUs,
    discontinuity,
    discontinuitySequence,
    run: { id: group.run, utcOffsetUs: group.utcOffsetUs, clock: group.clock },
    parts: new Map(),
    sealed: { durationUs, tracks: new Map(tracks) },
    bytes: undefined,
  };
}
