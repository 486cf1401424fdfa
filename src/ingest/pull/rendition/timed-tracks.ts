/**
 * Text and metadata of a source: subtitles with separate playlists, and EXT-X-DATERANGE tags.
 * In: its playlists, the subtitle Renditions, each demuxed segment. Out: the segment with their frames.
 * RFC 8216bis 3.1.4, 4.4.5.1.
 */
import type { LeftOutTrack } from '@oxbow/media/left-out';
import type { MediaPlaylist, Rendition } from '@oxbow/media/m3u8/playlist';
import { ticksToUs } from '@oxbow/media/run';
import type { PullContext } from '../context.ts';
import type { QueuedSegment } from '../segment/queued-segment.ts';
import type { DemuxedSegment } from '../segment/segment-demux.ts';
import { DateRangeTrack } from './date-range-track.ts';
import { mergeFrames, spanOf } from './merge-frames.ts';
import type { LocatedRendition } from './rendition.ts';
import { SubtitleRendition } from './subtitle-rendition.ts';

/** Above the ids of video, audio, and metadata within the segments. */
const FIRST_TEXT_ID = 230;
/**
 * Longest wait for the subtitles of a segment, ms, at most half a target duration: then the video continues
 * without them.
 */
const MAX_WAIT_MS = 1500;

/** The text and metadata of one pull. */
export class TimedTracks {
  readonly #dateRanges = new DateRangeTrack();
  readonly #subtitles: readonly SubtitleRendition[];
  /** Subtitles that were late: the video does not wait for them until they have caught up. */
  readonly #late = new Set<SubtitleRendition>();

  /**
   * @param subtitles at most 12
   * @param leftOut called with subtitles that oxbow cannot take
   */
  constructor(
    subtitles: readonly LocatedRendition[],
    context: PullContext,
    leftOut: (rendition: Rendition, tracks: readonly LeftOutTrack[]) => void,
  ) {
    this.#subtitles = subtitles.map((source, i) => {
      const onLeftOut = (tracks: readonly LeftOutTrack[]) => leftOut(source.rendition, tracks);
      return new SubtitleRendition(source, FIRST_TEXT_ID + i, { ...context, onLeftOut });
    });
  }

  /** Reads the subtitles until they have ended or `signal` aborts. Never rejects. */
  async run({ signal }: { signal: AbortSignal }): Promise<void> {
    await Promise.all(this.#subtitles.map((rendition) => rendition.run({ signal })));
  }

  /** A playlist of the video was loaded. */
  list(playlist: MediaPlaylist): void {
    this.#dateRanges.list(playlist);
  }

  /** Adds the text and metadata of a segment or part. */
  async join(
    media: DemuxedSegment,
    segment: QueuedSegment,
    { signal }: { signal: AbortSignal },
  ): Promise<DemuxedSegment> {
    // Most sources have none of both: then no frame is looked at.
    if (this.#subtitles.length === 0 && this.#dateRanges.isEmpty) return media;
    const span = spanOf(media);
    if (!span) return media;
    await Promise.all(this.#subtitles.map((rendition) => this.#await(rendition, segment, signal)));
    const texts = this.#subtitles.flatMap((rendition) => rendition.take(segment, span));
    const ranges = this.#dateRanges.take(segment, span);
    const tracks = [...this.#subtitles.map(({ track }) => track), ...this.#dateRanges.tracks];
    // All of these tracks have a timescale of 90 kHz.
    const sorted = [...texts, ...ranges].sort((a, b) => a.dts - b.dts);
    const frames = sorted.map((frame) => ({ frame, dtsUs: ticksToUs(frame.dts, 90_000) }));
    return { ...media, groups: mergeFrames(media.groups, tracks, frames, (textUs, dtsUs) => textUs < dtsUs) };
  }

  async #await(rendition: SubtitleRendition, segment: QueuedSegment, signal: AbortSignal): Promise<void> {
    if (rendition.covers(segment)) this.#late.delete(rendition);
    // Parts arrive as they are captured, long before a subtitle segment is complete.
    if (segment.part !== undefined || this.#late.has(rendition)) return;
    const waitMs = Math.min(MAX_WAIT_MS, segment.targetDurationS * 500);
    if (!(await rendition.reach(segment, waitMs, { signal }))) this.#late.add(rendition);
  }
}
