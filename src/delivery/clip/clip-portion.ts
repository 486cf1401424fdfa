/**
 * Selects the frames of a stored segment group for a remuxed clip: without those that an MP4 clip hides by
 * its edit list.
 * In: the groups of a clip. Out: portions, and their frames on demand. docs/media.md 20.
 */

import type { Frame, Track } from '@oxbow/media/frame';
import type { ClipTimes } from '@oxbow/media/isobmff/clip/clip-times';
import { parseSegment } from '@oxbow/media/isobmff/segment-frames';
import { readIntact } from '../../archive/integrity/read-intact.ts';
import type { RangeReader } from '../../archive/range-reader.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { RecordedTrack } from '../../recording/recording-reader.ts';
import type { ClipStoredGroup } from './clip-groups.ts';

/** A clip to remux. */
export interface RemuxRequest {
  /** Tracks of the init section that all groups share. */
  readonly tracks: readonly Track[];
  readonly groups: readonly ClipStoredGroup[];
  /** Of the same groups. */
  readonly times: ClipTimes;
  readonly reader: Pick<RangeReader, 'read'>;
}

/** A group within a clip. */
export interface Portion {
  readonly group: ClipStoredGroup;
  /** Its tracks with media. */
  readonly segments: readonly RecordedTrack[];
  /**
   * Ids of tracks whose media begins in this portion: frames with earlier presentation times than their first
   * key frame are left out.
   */
  readonly begins: ReadonlySet<number>;
  /** Portions with equal keys have equal frames, also in other clips. */
  readonly key: string;
}

/** The portions of a clip, one for each group. */
export function portionsOf(groups: readonly ClipStoredGroup[]): Portion[] {
  const begun = new Set<number>();
  return groups.map((group) => {
    const segments = group.tracks.filter(({ length }) => length > 0);
    const begins = new Set(segments.map(({ trackId }) => trackId).filter((trackId) => !begun.has(trackId)));
    for (const trackId of begins) begun.add(trackId);
    const location = segments[0]?.location ?? group.location;
    return { group, segments, begins, key: `${location}#${group.msn}#${[...begins].join()}` };
  });
}

/**
 * The samples that are in the clip.
 *
 * @param samples of one track, in decode order
 */
export function ofPortion<S extends { readonly pts: number }>(
  { begins }: Portion,
  trackId: number,
  samples: readonly S[],
): readonly S[] {
  const first = samples[0];
  if (!first || !begins.has(trackId) || samples.every(({ pts }) => pts >= first.pts)) return samples;
  return samples.filter(({ pts }) => pts >= first.pts);
}

/** The indexes of the samples that `ofPortion` leaves. */
export function keptOf(portion: Portion, trackId: number, samples: readonly { readonly pts: number }[]): number[] {
  return ofPortion(
    portion,
    trackId,
    samples.map(({ pts }, index) => ({ pts, index })),
  ).map(({ index }) => index);
}

/**
 * Reads the frames of a portion, by track id; times are as stored.
 *
 * @throws OxbowError `unsupported-media` for a segment that cannot be parsed
 */
export async function readFrames(
  portion: Portion,
  reader: Pick<RangeReader, 'read'>,
): Promise<Map<number, readonly Frame[]>> {
  const { group, segments } = portion;
  const read = await Promise.all(
    segments.map((segment) => readIntact(reader, { ...segment, location: segment.location ?? group.location })),
  );
  return new Map(
    segments.map(({ trackId }, i) => {
      const frames = parseSegment(read[i]!) ?? refuse(portion);
      return [trackId, ofPortion(portion, trackId, frames)];
    }),
  );
}

/** Refuses a segment that the packager did not write. */
export function refuse({ group }: Portion): never {
  throw new OxbowError('unsupported-media', `Segment ${group.msn} cannot be parsed; request .mp4.`);
}
