/**
 * Open segment groups: the reference opens them, every track closes its segment, they are sealed in MSN
 * order.
 * In: openings and closed segments from the packager. Out: sealed groups, each once. docs/media.md 14.
 */
import assert from 'node:assert/strict';
import { isSparse } from '@oxbow/media/rendition-set';
import type { SegmentGroup, TrackSegment } from '@oxbow/media/segment';
import type { RunContext } from '../live/sink.ts';
import type { SparseTracks } from './sparse-tracks.ts';

/** A group when it is opened. */
type GroupOpening = Omit<SegmentGroup, 'run' | 'durationUs' | 'tracks' | 'dateRanges'> & {
  readonly context: RunContext;
  /** Provides the segments of sparse tracks when the group is sealed. */
  readonly sparse: SparseTracks;
};

interface OpenGroup {
  readonly opening: GroupOpening;
  readonly tracks: TrackSegment[];
  durationUs: number;
  /** Tracks that have not closed it yet. */
  left: number;
}

/** Groups that at least one track has not closed. */
export class OpenGroups {
  readonly #seal: (group: SegmentGroup) => void;
  readonly #groups: OpenGroup[] = [];

  /** @param seal called for each group, in order, when every track has closed it */
  constructor(seal: (group: SegmentGroup) => void) {
    this.#seal = seal;
  }

  /** MSN of the group that the reference fills; it was opened last. */
  get newest(): number {
    const group = this.#groups.at(-1);
    assert(group, 'a segment is open');
    return group.opening.msn;
  }

  /** Opens a group. */
  open(opening: GroupOpening): void {
    this.#groups.push({
      opening,
      tracks: [],
      durationUs: 0,
      left: opening.context.tracks.filter((track) => !isSparse(track)).length,
    });
  }

  /**
   * A track closed its segment of a group; the reference does so first.
   *
   * @param segment undefined if the track has no frame in it
   * @param durationUs of the group, given with the reference's segment
   * @returns false when there is no such group
   */
  close(msn: number, segment: TrackSegment | undefined, durationUs?: number): boolean {
    const group = this.#groups.find(({ opening }) => opening.msn === msn);
    if (!group) return false;
    if (segment) group.tracks.push(segment);
    if (durationUs !== undefined) group.durationUs = durationUs;
    group.left--;
    return true;
  }

  /** Seals the groups that every track has closed, in order. */
  sealReady(): void {
    for (let group = this.#groups[0]; group?.left === 0; group = this.#groups[0]) {
      this.#groups.shift();
      const { context, sparse, ...opening } = group.opening;
      const { durationUs } = group;
      const fromUs = opening.startUs - context.run.utcOffsetUs;
      // Groups of an ended run may still wait for a track while the next run opens its first.
      const isLast = this.#groups[0]?.opening.sparse !== sparse;
      const beside = sparse.close(fromUs, fromUs + durationUs, isLast);
      const tracks = [...group.tracks, ...beside.tracks].sort((a, b) => a.trackId - b.trackId);
      const { dateRanges } = beside;
      this.#seal({ ...opening, run: context.run, durationUs, tracks, ...(dateRanges.length > 0 && { dateRanges }) });
    }
  }
}
