/**
 * Merges frames of other tracks into a demuxed segment.
 * In: a segment, and tracks with their frames. Out: the segment with all of them, in order of decode time. Pure.
 */
import type { Frame, Track } from '../../../media/frame.ts';
import { ticksToUs } from '../../../media/run.ts';
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

/**
 * Adds tracks to every group and each frame before the first one that is decoded later.
 *
 * @param added in order of decode time, of the given tracks
 */
export function mergeFrames(media: DemuxedSegment, tracks: readonly Track[], added: readonly Frame[]): DemuxedSegment {
  if (tracks.length === 0) return media;
  const own = new Map(tracks.map(({ id, timescale }) => [id, timescale]));
  let next = 0;
  const groups = media.groups.map((group, index): MediaGroup => {
    const timescales = new Map(group.tracks.map(({ id, timescale }) => [id, timescale]));
    const usOf = ({ trackId, dts }: Frame) => ticksToUs(dts, own.get(trackId) ?? timescales.get(trackId) ?? 1);
    const frames: Frame[] = [];
    for (const frame of group.frames) {
      while (next < added.length && usOf(added[next]!) < usOf(frame)) frames.push(added[next++]!);
      frames.push(frame);
    }
    if (index === media.groups.length - 1) while (next < added.length) frames.push(added[next++]!);
    return { tracks: [...group.tracks, ...tracks], frames };
  });
  return { ...media, groups };
}
