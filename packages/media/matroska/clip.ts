/**
 * A clip as a Matroska file, with the times of the MP4 clip of the same segments. Its length follows from the
 * frame sizes.
 * In: tracks, the clip's times, the frame sizes of each group. Out: the header, and the clock for printing
 * each group. Pure.
 */
import type { Track } from '../frame.ts';
import type { ClipTimes } from '../isobmff/clip/clip-times.ts';
import { movieTimescale } from '../isobmff/movie/movie.ts';
import { type GroupShape, unitsPerSecond } from './cluster.ts';
import { type Cue, printMatroskaHeader } from './header.ts';

/** More tracks than a block can name in one byte. */
const MAX_TRACKS = 126;

/** A clip, known to the byte before any frame of it is copied. */
interface MatroskaPlan {
  readonly header: Uint8Array;
  /** Bytes of the whole file. */
  readonly length: number;
}

/** Gives a TrackNumber and a pts in the track's stored ticks; gets units, 0 or more. */
type MatroskaClock = (trackNumber: number, pts: number) => number;

/**
 * The TrackNumber of a track: its place in the init, so that it does not depend on the clip.
 *
 * @throws RangeError if there is no such track, or it is beyond the 126th
 */
export function trackNumberOf(tracks: readonly Track[], trackId: number): number {
  const number = tracks.findIndex(({ id }) => id === trackId) + 1;
  if (number < 1 || number > MAX_TRACKS) throw new RangeError(`track ${trackId} has no number`);
  return number;
}

/** The TrackNumber of the track with the seek points: the first video track, otherwise the first track. */
export function leadOf(tracks: readonly Track[]): number {
  return (
    Math.max(
      tracks.findIndex(({ kind }) => kind === 'video'),
      0,
    ) + 1
  );
}

/**
 * The clock of one group.
 *
 * @param index of the group
 * @param trackIds of the group, in the order of its `deltas`
 */
export function clockOf(
  tracks: readonly Track[],
  times: ClipTimes,
  index: number,
  trackIds: readonly number[],
): MatroskaClock {
  const toUnits = new Map(
    times.lines.map(({ track, wait, mediaTime }) => {
      const place = trackIds.indexOf(track.id);
      const shift = (times.deltas[index]![place] ?? 0) - mediaTime;
      const start = (wait * unitsPerSecond) / movieTimescale;
      const of = (pts: number) => Math.round(start + ((pts + shift) * unitsPerSecond) / track.timescale);
      return [trackNumberOf(tracks, track.id), of] as const;
    }),
  );
  return (trackNumber, pts) => Math.max(0, toUnits.get(trackNumber)!(pts));
}

/**
 * Plans a clip.
 *
 * @param tracks those of the init that all groups share
 * @param times of the same groups, of pictures and sound
 * @param groups their tracks in the order of `times.deltas`, and their shapes
 * @param recordedMs when the first of it was recorded, ms since 1970
 * @param lastTagsLength bytes of further Tags after the clusters; undefined: there are none
 */
export function planMatroska(
  tracks: readonly Track[],
  times: ClipTimes,
  groups: readonly { readonly trackIds: readonly number[]; readonly shape: GroupShape }[],
  recordedMs: number,
  lastTagsLength?: number,
): MatroskaPlan {
  const cues: Cue[] = [];
  let clustersLength = 0;
  for (const [i, { trackIds, shape }] of groups.entries()) {
    const clock = clockOf(tracks, times, i, trackIds);
    for (const { length, entrance } of shape.clusters) {
      if (entrance) {
        const time = clock(entrance.number, entrance.pts);
        cues.push({ time, trackNumber: entrance.number, clusterAt: clustersLength, blockAt: entrance.at });
      }
      clustersLength += length;
    }
  }
  const numbered = times.lines.flatMap(({ track }) => {
    if (track.kind !== 'video' && track.kind !== 'audio') return [];
    const number = trackNumberOf(tracks, track.id);
    const trackGroups = groups.filter(({ trackIds }) => trackIds.includes(track.id));
    const step = commonStep(trackGroups.map(({ shape }) => shape.steps.get(number)));
    return [{ number, track, ...(step !== undefined && { step }) }];
  });
  const header = printMatroskaHeader({
    tracks: numbered.sort((a, b) => a.number - b.number),
    duration: (times.duration * unitsPerSecond) / movieTimescale,
    cues,
    recordedMs,
    clustersLength,
    lastTagsLength,
  });
  return { header, length: header.length + clustersLength + (lastTagsLength ?? 0) };
}

/** The step that all groups share. */
function commonStep(steps: readonly (number | undefined)[]): number | undefined {
  return steps.every((step) => step === steps[0]) ? steps[0] : undefined;
}
