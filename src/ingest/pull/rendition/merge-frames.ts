/**
 * Merges frames of other tracks into a demuxed segment.
 * In: a segment, and tracks with their frames. Out: the segment with all of them, in order of decode time.
 * Pure.
 */
import type { Frame, Track } from '@oxbow/media/frame';
import { ticksToUs } from '@oxbow/media/run';
import type { DemuxedSegment, MediaGroup } from '../segment/segment-demux.ts';

/** The span of a segment's video, or of its audio if it has no video. */
export interface MediaSpan {
  /** First pts and end of the last frame, ticks of 90 kHz. */
  readonly from: number;
  readonly to: number;
}

const TIMESCALE = 90_000;

/** Returns undefined for a segment without video and audio. */
export function spanOf({ groups }: DemuxedSegment): MediaSpan | undefined {
  const kinds = new Set(groups.flatMap(({ tracks }) => tracks.map(({ kind }) => kind)));
  const wanted = kinds.has('video') ? 'video' : 'audio';
  let from = Number.POSITIVE_INFINITY;
  let to = Number.NEGATIVE_INFINITY;
  for (const { tracks, frames } of groups) {
    const timescales = new Map(
      tracks.filter(({ kind }) => kind === wanted).map((track) => [track.id, track.timescale]),
    );
    for (const { trackId, pts, duration } of frames) {
      const timescale = timescales.get(trackId);
      if (timescale === undefined) continue;
      from = Math.min(from, (pts * TIMESCALE) / timescale);
      to = Math.max(to, ((pts + duration) * TIMESCALE) / timescale);
    }
  }
  return from < to ? { from: Math.round(from), to: Math.round(to) } : undefined;
}

/** A frame of another track and its decode time on the clock of the segment, µs. */
interface AddedFrame {
  readonly frame: Frame;
  readonly dtsUs: number;
}

/**
 * Adds tracks to every group, and frames by decode time; the last ones go to the end of the last group.
 *
 * @param added in order of decode time, of the given tracks
 * @param isBefore whether an added frame goes before a frame of the segment, by their decode times; differs
 *   for equal ones
 */
export function mergeFrames(
  groups: readonly MediaGroup[],
  tracks: readonly Track[],
  added: readonly AddedFrame[],
  isBefore: (addedUs: number, dtsUs: number) => boolean,
): readonly MediaGroup[] {
  if (tracks.length === 0) return groups;
  let next = 0;
  return groups.map((group, index): MediaGroup => {
    const timescales = new Map(group.tracks.map(({ id, timescale }) => [id, timescale]));
    const frames: Frame[] = [];
    for (const frame of group.frames) {
      const dtsUs = ticksToUs(frame.dts, timescales.get(frame.trackId) ?? 1);
      while (next < added.length && isBefore(added[next]!.dtsUs, dtsUs)) frames.push(added[next++]!.frame);
      frames.push(frame);
    }
    if (index === groups.length - 1) for (const { frame } of added.slice(next)) frames.push(frame);
    return { ...group, tracks: [...group.tracks, ...tracks], frames };
  });
}
