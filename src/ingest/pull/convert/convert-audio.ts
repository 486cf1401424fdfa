/**
 * Replaces the audio of a demuxed segment by its conversion, if it has audio that is converted.
 * In: a segment, the converter of the pull. Out: the segment with AAC in place of that audio.
 */
import type { Frame, Track } from '@oxbow/media/frame';
import { ticksToUs } from '@oxbow/media/run';
import { mergeFrames } from '../rendition/merge-frames.ts';
import type { DemuxedSegment, MediaGroup } from '../segment/segment-demux.ts';

/** Converts audio of segments, see transcode/audio/segment-audio. */
export interface AudioConverter {
  /** Returns undefined if no track is converted. Abort rejects. */
  convert(
    tracks: readonly Track[],
    frames: readonly Frame[],
    options: { signal: AbortSignal },
  ): Promise<{ readonly tracks: readonly Track[]; readonly frames: readonly Frame[] } | undefined>;
}

/** Converts the audio of a segment. */
export async function convertAudio(
  media: DemuxedSegment,
  converter: AudioConverter | undefined,
  { signal }: { signal: AbortSignal },
): Promise<DemuxedSegment> {
  if (!converter) return media;
  const groups: MediaGroup[] = [];
  for (const group of media.groups) {
    const converted = await converter.convert(group.tracks, group.frames, { signal });
    groups.push(converted ? { ...group, ...replaceTracks(group, converted) } : group);
  }
  return { ...media, groups };
}

/** Puts converted tracks, with their frames, in the place of those of a group. */
export function replaceTracks(
  group: MediaGroup,
  converted: { tracks: readonly Track[]; frames: readonly Frame[] },
): MediaGroup {
  const { tracks } = converted;
  const replaced = tracks.filter((track) => !group.tracks.includes(track));
  const timescales = new Map(replaced.map(({ id, timescale }) => [id, timescale]));
  const kept = {
    tracks: group.tracks.filter(({ id }) => !timescales.has(id)),
    frames: group.frames.filter(({ trackId }) => !timescales.has(trackId)),
  };
  const added = converted.frames
    .map((frame) => ({ frame, dtsUs: ticksToUs(frame.dts, timescales.get(frame.trackId)!) }))
    .sort((a, b) => a.dtsUs - b.dtsUs);
  const [merged] = mergeFrames([kept], replaced, added, (addedUs, dtsUs) => addedUs <= dtsUs);
  return { tracks, frames: merged!.frames };
}
