/**
 * All audio of a source in one place: that of the video's own segments, and that of Renditions with playlists of their own.
 * In: demuxed video segments, the Renditions of the audio group. Out: the same segments with the audio of every language merged in.
 * RFC 8216bis 4.4.6.1 and 4.4.6.2.1.
 */
import type { LeftOutTrack } from '../../../api/left-out.ts';
import type { Frame, Track } from '../../../media/frame.ts';
import type { Rendition } from '../../../media/m3u8/playlist.ts';
import { ticksToUs } from '../../../media/run.ts';
import type { PullContext } from '../context.ts';
import type { QueuedSegment } from '../segment/queued-segment.ts';
import type { DemuxedSegment, MediaGroup } from '../segment/segment-demux.ts';
import type { VideoSpan, WaitingFrame } from './audio-queue.ts';
import { AudioRendition, named } from './audio-rendition.ts';
import type { RenditionLocation } from './rendition.ts';

/** The first track id of the first rendition, so that they differ from the video's, and how far apart the renditions lie. */
const FIRST_ID = 101;
const IDS_EACH = 16;

/** A Rendition and where it is. */
export interface AudioLocation {
  readonly rendition: Rendition;
  readonly place: RenditionLocation;
}

/** The audio of one pull. */
export class AudioRenditions {
  readonly #places: readonly AudioLocation[];
  #sides: readonly AudioRendition[];
  /** What the audio within the video segments is, as far as the Multivariant Playlist says. */
  #inBand: Rendition | undefined;
  #settled = false;

  /**
   * @param places at most 8, the default one first
   * @param inBand the member of the group that has no playlist of its own
   * @param leftOut told of the tracks of a rendition that cannot be taken: all of them, each time they change
   */
  constructor(
    places: readonly AudioLocation[],
    inBand: Rendition | undefined,
    context: PullContext,
    leftOut: (rendition: Rendition, tracks: readonly LeftOutTrack[]) => void = () => {},
  ) {
    this.#places = places;
    this.#inBand = inBand;
    this.#sides = places.map(({ rendition }, i) => {
      const onLeftOut = (tracks: readonly LeftOutTrack[]) => leftOut(rendition, tracks);
      return new AudioRendition(rendition, FIRST_ID + i * IDS_EACH, { ...context, onLeftOut });
    });
  }

  /** Reads all of them until they have ended or `signal` aborts. Never rejects. */
  async run({ signal }: { signal: AbortSignal }): Promise<void> {
    await Promise.all(this.#sides.map((side, i) => side.run(this.#places[i]!.place, { signal })));
  }

  /**
   * Adds the audio of a video segment, waiting for it if need be.
   *
   * @param waitMs longest wait, ms; for the very first audio three times as long
   */
  async join(
    media: DemuxedSegment,
    { epoch, discontinuitySequence, repeats }: Pick<QueuedSegment, 'epoch' | 'discontinuitySequence' | 'repeats'>,
    waitMs: number,
    { signal }: { signal: AbortSignal },
  ): Promise<DemuxedSegment> {
    const hasOwn = media.groups.some(({ tracks }) => tracks.some(({ kind }) => kind === 'audio'));
    if (hasOwn) this.#settle();
    const groups = hasOwn && this.#inBand ? media.groups.map((group) => withName(group, this.#inBand!)) : media.groups;
    if (this.#sides.length === 0) return { ...media, groups };
    const video = { epoch, discontinuitySequence, repeats, ...reachOf(media) };
    const all = await Promise.all(this.#sides.map((side) => side.due(video, waitMs, { signal })));
    const damages = all.flatMap(({ missing }, i) => {
      if (!missing) return [];
      return this.#sides.length === 1 ? 'audio is missing' : `audio is missing (${this.#sides[i]!.rendition.name})`;
    });
    const frames = all.flatMap((one) => one.frames);
    if (all.length > 1) frames.sort((a, b) => a.dtsUs - b.dtsUs);
    const merged = merge(
      groups,
      frames,
      all.flatMap(({ tracks }) => tracks),
    );
    return { ...media, groups: merged, damages: [...media.damages, ...damages] };
  }

  /** A variant that brings audio although all of its group is elsewhere brings that of the default one: it is not needed twice. */
  #settle(): void {
    if (this.#settled) return;
    this.#settled = true;
    const [first, ...others] = this.#sides;
    if (this.#inBand || !first) return;
    this.#inBand = first.rendition;
    first.stop();
    this.#sides = others;
  }
}

/** The audio in the video's segments with the language and name of its Rendition; where there are several tracks, they name themselves. */
function withName(group: MediaGroup, rendition: Rendition): MediaGroup {
  if (group.tracks.filter(({ kind }) => kind === 'audio').length !== 1) return group;
  return {
    ...group,
    tracks: group.tracks.map((track) => (track.kind === 'audio' ? named(track, rendition) : track)),
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

/** Puts each audio frame before the first frame of its group that is decoded later; what is left goes to the last group. */
function merge(
  groups: readonly MediaGroup[],
  audio: readonly WaitingFrame[],
  audioTracks: readonly Track[],
): MediaGroup[] {
  let next = 0;
  return groups.map(({ tracks, frames }, index) => {
    const timescales = new Map(tracks.map(({ id, timescale }) => [id, timescale]));
    const merged: Frame[] = [];
    for (const frame of frames) {
      const dtsUs = ticksToUs(frame.dts, timescales.get(frame.trackId) ?? 1);
      while (next < audio.length && audio[next]!.dtsUs <= dtsUs) merged.push(audio[next++]!.frame);
      merged.push(frame);
    }
    if (index === groups.length - 1) while (next < audio.length) merged.push(audio[next++]!.frame);
    return { tracks: [...tracks, ...audioTracks], frames: merged };
  });
}
