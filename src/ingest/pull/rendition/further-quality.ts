/**
 * A further Variant Stream of a pulled source: its video is a derived quality of the stream.
 * In: the playlist of the variant; which stretches of the chosen variant were published. Out: frames with the
 * timestamps of the stream, once the stream has published the same time. Variants share timestamps
 * (RFC 8216bis 6.2.4), except for turns of MPEG-TS.
 */

import type { Frame, Track, VideoTrack } from '@oxbow/media/frame';
import { ticksToUs, usToTicks } from '@oxbow/media/run';
import { waitFor } from '../../../lib/abort.ts';
import { messageOf } from '../../../lib/errors.ts';
import type { DerivedInput } from '../../../packager/follower.ts';
import type { PullContext } from '../context.ts';
import type { DemuxedSegment, MediaGroup } from '../segment/segment-demux.ts';
import { TURN_US } from './audio-queue.ts';
import { type RenditionLocation, readRendition } from './rendition.ts';

/** Published stretches that are remembered: a minute or two. */
const MAX_SPANS = 64;
/** The reader pauses while this many bytes wait. */
const MAX_WAITING_BYTES = 48 * 1024 * 1024;
/** A segment may begin this much before that of the chosen variant, µs. */
const APART_US = 500_000;

/** After segments were lost, the quality is not awaited for longer than this, µs of media. */
const LOST_US = 6_000_000;

/** The run that a stream has now, and by how much it moves timestamps forward, µs. */
export interface RunNow {
  readonly run: number;
  readonly shiftUs: number;
}

/** A stretch of the chosen variant that was published. Times of the source, µs. */
interface Span extends RunNow {
  readonly startUs: number;
  readonly endUs: number;
}

interface Waiting {
  readonly track: VideoTrack;
  readonly frames: readonly Frame[];
  readonly startUs: number;
  readonly bytes: number;
  /** Media before it is missing. */
  readonly isBroken: boolean;
}

/** The published stretch of a segment; undefined if it has no video. */
export function spanOf({ groups }: DemuxedSegment): Pick<Span, 'startUs' | 'endUs'> | undefined {
  const last = groups.findLast((group) => group.tracks.some(isVideo));
  const videoMedia = last && videoOf(last);
  const end = videoMedia?.frames.at(-1);
  if (!videoMedia || !end) return undefined;
  const { track, frames } = videoMedia;
  return {
    startUs: ticksToUs(frames[0]!.pts, track.timescale),
    endUs: ticksToUs(end.dts + end.duration, track.timescale),
  };
}

const isVideo = (track: Track): track is VideoTrack => track.kind === 'video';

function videoOf({ tracks, frames }: MediaGroup): { track: VideoTrack; frames: Frame[] } | undefined {
  const track = tracks.find(isVideo);
  const videoFrames = track ? frames.filter(({ trackId }) => trackId === track.id) : [];
  return track && videoFrames.length > 0 ? { track, frames: videoFrames } : undefined;
}

/** What a further quality is read from and written to. */
interface FurtherQualityOptions {
  readonly location: RenditionLocation;
  readonly bandwidth: number;
  readonly output: DerivedInput;
  readonly context: PullContext;
}

/** Reads one further Variant Stream. */
export class FurtherQuality {
  readonly #options: FurtherQualityOptions;
  #spans: Span[] = [];
  #waiting: Waiting[] = [];
  #bytes = 0;
  #isBroken = false;
  #current: { readonly run: number; readonly track: VideoTrack } | undefined;
  #wake: (() => void) | undefined;
  /** Start of the last segment that was passed on, µs by the clock of the chosen variant. */
  #writtenUs = 0;

  constructor(options: FurtherQualityOptions) {
    this.#options = options;
  }

  /**
   * Reads until the variant has ended or `signal` aborts. Never rejects: the stream continues without this
   * quality.
   */
  async run({ signal }: { signal: AbortSignal }): Promise<void> {
    const { location, context, output } = this.#options;
    try {
      for await (const item of readRendition(location, context, { signal })) {
        if (item.kind === 'absent') {
          this.#isBroken ||= item.cause !== 'source-down';
          continue;
        }
        for (const group of item.media.groups) this.#add(group);
        this.#drain();
        if (this.#bytes > MAX_WAITING_BYTES) await this.#drained({ signal });
      }
      // The stream publishes the end of the chosen variant later.
      while (this.#waiting.length > 0 && !signal.aborted) await this.#drained({ signal });
    } catch (error) {
      if (!signal.aborted) context.log.warn({ error: messageOf(error) }, 'a further quality of the source ended');
    }
    output.stop();
  }

  /** The stream has published a stretch of the chosen variant. */
  published(span: Span): void {
    this.#spans = [...this.#spans, span].slice(-MAX_SPANS);
    this.#drain();
    const isLost = this.#isBroken && this.#waiting.length === 0 && span.startUs - this.#writtenUs > LOST_US;
    if (!isLost || !this.#current) return;
    // Players in its playlist change to another variant as soon as they see GAP segments.
    this.#current = undefined;
    this.#options.output.endRun();
  }

  #add(group: MediaGroup): void {
    const videoMedia = videoOf(group);
    if (!videoMedia) return;
    const bytes = videoMedia.frames.reduce((sum, { data }) => sum + data.length, 0);
    const startUs = ticksToUs(videoMedia.frames[0]!.pts, videoMedia.track.timescale);
    this.#waiting.push({ ...videoMedia, startUs, bytes, isBroken: this.#isBroken });
    this.#isBroken = false;
    this.#bytes += bytes;
  }

  /** Passes on what waits, up to the time that the stream has published. */
  #drain(): void {
    for (;;) {
      const index = this.#waiting.findIndex((waiting) => this.#spanFor(waiting) !== undefined);
      if (index < 0) break;
      // Segments before it that match nothing: the stream itself lost that time.
      const passed = this.#waiting.splice(0, index + 1);
      for (const { bytes } of passed) this.#bytes -= bytes;
      const due = passed.at(-1)!;
      if (due.isBroken || passed.length > 1) this.#options.output.damage();
      this.#write(due, this.#spanFor(due)!);
    }
    this.#wake?.();
  }

  /** The newest published stretch in which it begins. */
  #spanFor({ startUs }: Waiting): Span | undefined {
    return this.#spans.findLast((span) => {
      const at = startUs - turnsUs(startUs, span);
      return at >= span.startUs - APART_US && at < span.endUs - APART_US / 10;
    });
  }

  #write({ track, frames, startUs }: Waiting, span: Span): void {
    const { output, bandwidth } = this.#options;
    if (this.#current?.run !== span.run || this.#current.track !== track) {
      this.#current = { run: span.run, track };
      output.startRun(span.run, track, bandwidth);
    }
    this.#writtenUs = startUs - turnsUs(startUs, span);
    const ticks = usToTicks(span.shiftUs - turnsUs(startUs, span), track.timescale);
    for (const { trackId, dts, pts, duration, key, data } of frames) {
      output.write({ trackId, dts: dts + ticks, pts: pts + ticks, duration, key, data });
    }
  }

  async #drained({ signal }: { signal: AbortSignal }): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    await waitFor(promise, { signal }).catch(() => {}); // on abort the reader ends by itself
    this.#wake = undefined;
  }
}

/**
 * How far the clock of the variant is ahead, a multiple of the period of MPEG-TS: the two may wrap at
 * different times.
 */
function turnsUs(us: number, { startUs }: Span): number {
  return Math.round((us - startUs) / TURN_US) * TURN_US;
}
