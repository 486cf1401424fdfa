/**
 * What of a stored segment group goes into a remuxed clip: its frames, without those that an MP4 clip's edit list hides.
 * In: the groups of a clip. Out: portions, and their frames when they are wanted. docs/media.md 20.
 */
import type { RangeReader } from '../../archive/range-reader.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Frame, Track } from '../../media/frame.ts';
import type { ClipTimes } from '../../media/isobmff/clip/clip-times.ts';
import type { CommittedTrack } from '../../media/isobmff/commit-box.ts';
import { parseSegment } from '../../media/isobmff/segment-frames.ts';
import type { StoredSegment } from '../past/past-presentation.ts';

/** A clip that is to be remuxed. */
export interface RemuxRequest {
  /** Those of the init that all groups share. */
  readonly tracks: readonly Track[];
  readonly groups: readonly StoredSegment[];
  /** Of the same groups. */
  readonly times: ClipTimes;
  readonly reader: Pick<RangeReader, 'read'>;
}

/** A group as it lies in a clip. */
export interface Portion {
  readonly group: StoredSegment;
  /** Those of its tracks that have media. */
  readonly segments: readonly CommittedTrack[];
  /** Ids of the tracks whose media begins in it: pictures that are shown before its first key frame are left out. */
  readonly begins: ReadonlySet<number>;
  /** What is learned of one portion holds for all with the same key, whatever the clip. */
  readonly key: string;
}

/** The portions of a clip, one for each group. */
export function portionsOf(groups: readonly StoredSegment[]): Portion[] {
  const seen = new Set<number>();
  return groups.map((group) => {
    const segments = group.tracks.filter(({ length }) => length > 0);
    const begins = new Set(segments.map(({ trackId }) => trackId).filter((trackId) => !seen.has(trackId)));
    for (const trackId of begins) seen.add(trackId);
    return { group, segments, begins, key: `${group.location}#${group.msn}#${[...begins].join()}` };
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

/**
 * Reads the frames of a portion, by track id; times are as stored.
 *
 * @throws OxbowError `unsupported-media` for a segment that cannot be taken apart
 */
export async function readFrames(
  portion: Portion,
  reader: Pick<RangeReader, 'read'>,
): Promise<Map<number, readonly Frame[]>> {
  const { group, segments } = portion;
  const read = await Promise.all(segments.map(({ offset, length }) => reader.read(group.location, offset, length)));
  return new Map(
    segments.map(({ trackId }, i) => {
      const frames = parseSegment(read[i]!) ?? refuse(portion);
      return [trackId, ofPortion(portion, trackId, frames)];
    }),
  );
}

/** Refuses a segment that is not made as our packager does. */
export function refuse({ group }: Portion): never {
  throw new OxbowError('unsupported-media', `segment ${group.msn} cannot be taken apart; ask for .mp4`);
}
