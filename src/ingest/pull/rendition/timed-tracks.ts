/**
 * What a source says beside its pictures and sound: subtitles with playlists of their own, and EXT-X-DATERANGEs.
 * In: its playlists, the subtitle renditions, each demuxed segment. Out: the segment with their frames merged in. RFC 8216bis 3.1.4, 4.4.5.1.
 */
import type { LeftOutTrack } from '../../../api/left-out.ts';
import type { MediaPlaylist, Rendition } from '../../../media/m3u8/playlist.ts';
import type { PullContext } from '../context.ts';
import type { QueuedSegment } from '../segment/queued-segment.ts';
import type { DemuxedSegment } from '../segment/segment-demux.ts';
import { DateRangeTrack } from './date-range-track.ts';
import { mergeFrames, spanOf } from './merge-frames.ts';
import { type SubtitleLocation, SubtitleRendition } from './subtitle-rendition.ts';

/** Above those of pictures, sound, and metadata within the segments. */
const FIRST_TEXT_ID = 230;
/** Longest wait for the subtitles of a segment, ms, and never longer than half a target duration: then the video goes on alone. */
const MAX_WAIT_MS = 1500;

/** The text and metadata of one pull. */
export class TimedTracks {
  readonly #dateRanges = new DateRangeTrack();
  readonly #subtitles: readonly SubtitleRendition[];
  /** Subtitles that did not come in time: they are not waited for until they have caught up. */
  readonly #late = new Set<SubtitleRendition>();

  /**
   * @param subtitles at most 12
   * @param leftOut told of the subtitles that cannot be taken
   */
  constructor(
    subtitles: readonly SubtitleLocation[],
    context: PullContext,
    leftOut: (rendition: Rendition, tracks: readonly LeftOutTrack[]) => void = () => {},
  ) {
    this.#subtitles = subtitles.map((place, i) => {
      const onLeftOut = (tracks: readonly LeftOutTrack[]) => leftOut(place.rendition, tracks);
      return new SubtitleRendition(place, FIRST_TEXT_ID + i, { ...context, onLeftOut });
    });
  }

  /** Follows the subtitles until they have ended or `signal` aborts. Never rejects. */
  async run({ signal }: { signal: AbortSignal }): Promise<void> {
    await Promise.all(this.#subtitles.map((side) => side.run({ signal })));
  }

  /** A list of the video was loaded. */
  list(playlist: MediaPlaylist): void {
    this.#dateRanges.list(playlist);
  }

  /** Adds what belongs to a segment, or a part of one. */
  async join(
    media: DemuxedSegment,
    segment: QueuedSegment,
    { signal }: { signal: AbortSignal },
  ): Promise<DemuxedSegment> {
    const span = spanOf(media);
    if (!span) return media;
    await Promise.all(this.#subtitles.map((side) => this.#await(side, segment, signal)));
    const texts = this.#subtitles.flatMap((side) => side.take(segment, span));
    const ranges = this.#dateRanges.take(segment, span);
    const tracks = [...this.#subtitles.map(({ track }) => track), ...this.#dateRanges.tracks];
    // All of them count in 90 kHz.
    const frames = [...texts, ...ranges].sort((a, b) => a.dts - b.dts);
    return mergeFrames(media, tracks, frames);
  }

  async #await(side: SubtitleRendition, segment: QueuedSegment, signal: AbortSignal): Promise<void> {
    if (side.covers(segment)) this.#late.delete(side);
    // Parts come as they are captured, long before a subtitle segment is whole.
    if (segment.part !== undefined || this.#late.has(side)) return;
    const waitMs = Math.min(MAX_WAIT_MS, segment.targetDurationS * 500);
    if (!(await side.reach(segment, waitMs, { signal }))) this.#late.add(side);
  }
}
