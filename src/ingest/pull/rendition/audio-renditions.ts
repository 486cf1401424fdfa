/**
 * Merges all audio of a source: from the video segments, and from Renditions with separate playlists.
 * In: demuxed video segments, the Renditions of the audio group. Out: the same segments with the audio of
 * every language. RFC 8216bis 4.4.6.1 and 4.4.6.2.1.
 */
import type { LeftOutTrack } from '@oxbow/media/left-out';
import type { Rendition } from '@oxbow/media/m3u8/playlist';
import { ticksToUs } from '@oxbow/media/run';
import type { PullContext } from '../context.ts';
import type { QueuedSegment } from '../segment/queued-segment.ts';
import type { DemuxedSegment, MediaGroup } from '../segment/segment-demux.ts';
import type { VideoSpan } from './audio-queue.ts';
import { AudioRendition, labeled } from './audio-rendition.ts';
import { mergeFrames } from './merge-frames.ts';
import type { LocatedRendition } from './rendition.ts';

/**
 * First track id of the first rendition, so that ids differ from the video's, and distance between
 * renditions.
 */
const FIRST_ID = 101;
const IDS_EACH = 16;

/** The audio of one pull. */
export class AudioRenditions {
  #renditions: readonly AudioRendition[];
  /** The Rendition of the audio in the video segments, if the Multivariant Playlist has one. */
  #inBand: Rendition | undefined;
  #inBandDetected = false;

  /**
   * @param located at most 8, the default one first
   * @param inBand the Rendition of the group that has no playlist
   * @param leftOut called with all tracks of a rendition that oxbow cannot take, each time they change
   */
  constructor(
    located: readonly LocatedRendition[],
    inBand: Rendition | undefined,
    context: PullContext,
    leftOut: (rendition: Rendition, tracks: readonly LeftOutTrack[]) => void,
  ) {
    this.#inBand = inBand;
    this.#renditions = located.map((location, i) => {
      const onLeftOut = (tracks: readonly LeftOutTrack[]) => leftOut(location.rendition, tracks);
      return new AudioRendition(location, FIRST_ID + i * IDS_EACH, { ...context, onLeftOut });
    });
  }

  /** Reads all Renditions until they have ended or `signal` aborts. Never rejects. */
  async run({ signal }: { signal: AbortSignal }): Promise<void> {
    await Promise.all(this.#renditions.map((rendition) => rendition.run({ signal })));
  }

  /**
   * Adds the audio of a video segment; waits for it if necessary.
   *
   * @param waitMs longest wait, ms; three times as long for the first audio
   */
  async join(
    media: DemuxedSegment,
    { epoch, discontinuitySequence, repeats }: Pick<QueuedSegment, 'epoch' | 'discontinuitySequence' | 'repeats'>,
    waitMs: number,
    { signal }: { signal: AbortSignal },
  ): Promise<DemuxedSegment> {
    const hasOwn = media.groups.some(({ tracks }) => tracks.some(({ kind }) => kind === 'audio'));
    if (hasOwn) this.#detectInBand();
    const groups = hasOwn && this.#inBand ? media.groups.map((group) => withName(group, this.#inBand!)) : media.groups;
    if (this.#renditions.length === 0) return { ...media, groups };
    const video = { epoch, discontinuitySequence, repeats, ...reachOf(media) };
    const audios = await Promise.all(this.#renditions.map((rendition) => rendition.due(video, waitMs, { signal })));
    const damages = audios.flatMap(({ missing }, i) => {
      if (!missing) return [];
      return this.#renditions.length === 1
        ? 'audio is missing'
        : `audio is missing (${this.#renditions[i]!.rendition.name})`;
    });
    const frames = audios.flatMap((audio) => audio.frames);
    if (audios.length > 1) frames.sort((a, b) => a.dtsUs - b.dtsUs);
    const tracks = audios.flatMap((audio) => audio.tracks);
    const merged = mergeFrames(groups, tracks, frames, (audioUs, dtsUs) => audioUs <= dtsUs);
    return { ...media, groups: merged, damages: [...media.damages, ...damages] };
  }

  /**
   * A variant that contains audio although its whole group has playlists contains the default Rendition,
   * which is then stopped.
   */
  #detectInBand(): void {
    if (this.#inBandDetected) return;
    this.#inBandDetected = true;
    const [first, ...others] = this.#renditions;
    if (this.#inBand || !first) return;
    this.#inBand = first.rendition;
    first.stop();
    this.#renditions = others;
  }
}

/**
 * Labels the only audio track of a group with the language and name of its Rendition; several tracks keep
 * their own labels.
 */
function withName(group: MediaGroup, rendition: Rendition): MediaGroup {
  if (group.tracks.filter(({ kind }) => kind === 'audio').length !== 1) return group;
  return {
    ...group,
    tracks: group.tracks.map((track) => (track.kind === 'audio' ? labeled(track, rendition) : track)),
  };
}

/** From the first pts to the end of the last frame, µs. */
function reachOf({ groups }: DemuxedSegment): Pick<VideoSpan, 'startUs' | 'endUs'> {
  let startUs = Number.POSITIVE_INFINITY;
  let endUs = Number.NEGATIVE_INFINITY;
  for (const { tracks, frames } of groups) {
    const timescales = new Map(tracks.map(({ id, timescale }) => [id, timescale]));
    for (const { trackId, pts, duration } of frames) {
      const timescale = timescales.get(trackId);
      if (!timescale) continue;
      startUs = Math.min(startUs, ticksToUs(pts, timescale));
      endUs = Math.max(endUs, ticksToUs(pts + duration, timescale));
    }
  }
  return { startUs, endUs };
}
