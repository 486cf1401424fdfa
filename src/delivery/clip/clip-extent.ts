/**
 * Where a span of a recording is in the MP4 file of its segments, and how long that file is.
 * In: a time range. Out: positions in the file, its bytes. docs/media.md 20.
 */
import { planClip } from '@oxbow/media/isobmff/clip/clip-header';
import { type ClipTimes, movieTimeOf, planClipTimes } from '@oxbow/media/isobmff/clip/clip-times';
import { movieTimescale } from '@oxbow/media/isobmff/movie/movie';
import type { Range } from '../past/past.ts';
import type { ServedStream } from '../served-stream.ts';
import { type ClipStoredGroup, clipSteps, tracksOf } from './clip-groups.ts';

/** The index is read to its end. */
const never = new AbortController().signal;

/** A span in its file. */
export interface ClipExtent {
  /** Seconds from the start of the file; the file closes up over holes. */
  readonly startS: number;
  /** Of a span that is still being recorded where its end will be. */
  readonly endS: number;
  /** Of the file. */
  readonly bytes: number;
  /** First instant of the span that has media, µs since 1970. */
  readonly firstUs: number;
  /** All of the span is recorded: none of this changes any more. */
  readonly isComplete: boolean;
}

/**
 * Measures a clip, from only the index.
 *
 * @throws OxbowError `bad-time`, `no-media`, `gone`, `window-too-long`, `unsupported-media`
 */
export async function measureClip(stream: ServedStream, range: Range): Promise<ClipExtent> {
  const groups: ClipStoredGroup[] = [];
  for await (const step of clipSteps(stream, range, { signal: never })) {
    for (const group of step.groups) groups.push({ ...group, tracks: group.tracks.map((track) => ({ ...track })) });
  }
  const tracks = tracksOf(stream, groups[0]!);
  const times = planClipTimes(tracks, groups);
  const isComplete = stream.settled(range.toUs);
  const positionOf = (us: number) => positionAt(groups, times, us, isComplete);
  const startS = positionOf(range.fromUs);
  const first = groups.find(({ startUs, durationUs }) => startUs + durationUs > range.fromUs) ?? groups[0]!;
  return {
    startS,
    endS: Math.max(startS, positionOf(range.toUs)),
    bytes: planClip(tracks, groups).length,
    firstUs: Math.max(range.fromUs, first.startUs),
    isComplete,
  };
}

/**
 * First instant of a span that has media, µs since 1970; only as much of the index is read as is needed.
 *
 * @throws OxbowError as `measureClip`
 */
export async function firstMediaUs(stream: ServedStream, range: Range): Promise<number> {
  for await (const step of clipSteps(stream, range, { signal: never })) {
    for (const { startUs, durationUs } of step.groups) {
      if (startUs + durationUs > range.fromUs) return Math.max(range.fromUs, startUs);
    }
  }
  return range.fromUs;
}

/**
 * The position of an instant, seconds: in a hole that of the media after it; after the end that of the end,
 * or where it will be if more is recorded.
 */
function positionAt(groups: readonly ClipStoredGroup[], times: ClipTimes, us: number, isComplete: boolean): number {
  const end = times.duration / movieTimescale;
  const index = groups.findIndex(({ startUs, durationUs }) => us < startUs + durationUs);
  if (index < 0 && isComplete) return end;
  const at = index < 0 ? groups.length - 1 : index;
  const group = groups[at]!;
  const position = startOf(group, times.deltas[at]!, times) + Math.max(0, us - group.startUs) / 1e6;
  return isComplete ? Math.min(end, position) : position;
}

/** When the first picture of a group, or its first sound, is presented, seconds. */
function startOf({ tracks }: ClipStoredGroup, deltas: readonly number[], { lines }: ClipTimes): number {
  const starts = tracks.flatMap((segment, i) => {
    const line = lines.find(({ track }) => track.id === segment.trackId);
    if (!line || segment.length === 0) return [];
    const at = movieTimeOf(line, segment.tfdt + segment.firstPtsOffset + deltas[i]!);
    return [{ kind: line.track.kind, at }];
  });
  const pictures = starts.filter(({ kind }) => kind === 'video');
  return Math.min(...(pictures.length > 0 ? pictures : starts).map(({ at }) => at)) / movieTimescale;
}
