/**
 * Where a span of a recording is in the MP4 file of its segments, and how long that file is.
 * In: a time range. Out: positions in the file, its bytes. docs/media.md 20.
 */
import { type ClipTimes, movieTimeOf, planClipTimes } from '../../media/isobmff/clip/clip-times.ts';
import { movieTimescale } from '../../media/isobmff/movie/movie.ts';
import { lengthOf } from '../body-parts.ts';
import type { Range } from '../past/past.ts';
import type { StoredSegment } from '../past/past-presentation.ts';
import type { ServedStream } from '../served-stream.ts';
import { type OpenedClip, openClip } from './clip.ts';
import { fileOf } from './clip-file.ts';

/** A span in its file. */
export interface ClipExtent {
  /** Seconds from the start of the file; the file closes up over holes. */
  readonly startS: number;
  readonly endS: number;
  /** Of the file. */
  readonly bytes: number;
  /** First instant of the span that has media, µs since 1970. */
  readonly firstUs: number;
}

/**
 * Measures a clip, from the index alone.
 *
 * @throws OxbowError `bad-time`, `no-media`, `gone`, `window-too-long`, `unsupported-media`
 */
export async function measureClip(stream: ServedStream, range: Range): Promise<ClipExtent> {
  const clip = await openClip(stream, range);
  const { groups, tracks } = clip;
  const times = planClipTimes(tracks, groups);
  const positionOf = (us: number) => positionAt(clip, times, us);
  const startS = positionOf(range.fromUs);
  const body = fileOf(tracks, groups, () => Promise.reject(new Error('nothing is read')));
  const first = groups.find(({ startUs, durationUs }) => startUs + durationUs > range.fromUs) ?? groups[0]!;
  return {
    startS,
    endS: Math.max(startS, positionOf(range.toUs)),
    bytes: lengthOf(body),
    firstUs: Math.max(range.fromUs, first.startUs),
  };
}

/** The position of an instant, seconds: in a hole that of the media after it, after the end that of the end. */
function positionAt({ groups }: OpenedClip, times: ClipTimes, us: number): number {
  const end = times.duration / movieTimescale;
  const index = groups.findIndex(({ startUs, durationUs }) => us < startUs + durationUs);
  const group = groups[index];
  if (!group) return end;
  const startS = startOf(group, times.deltas[index]!, times);
  return Math.min(end, startS + Math.max(0, us - group.startUs) / 1e6);
}

/** When the first picture of a group, or its first sound, is presented, seconds. */
function startOf({ tracks }: StoredSegment, deltas: readonly number[], { lines }: ClipTimes): number {
  const all = tracks.flatMap((segment, i) => {
    const line = lines.find(({ track }) => track.id === segment.trackId);
    if (!line || segment.length === 0) return [];
    const at = movieTimeOf(line, segment.tfdt + segment.firstPtsOffset + deltas[i]!);
    return [{ kind: line.track.kind, at }];
  });
  const pictures = all.filter(({ kind }) => kind === 'video');
  return Math.min(...(pictures.length > 0 ? pictures : all).map(({ at }) => at)) / movieTimescale;
}
