/**
 * Converts the audio of pulled segments to AAC before they are published: a burst is complete with its audio.
 * In: tracks and frames of one segment after the other. Out: the tracks and the AAC frames that belong to the
 * segment. The encoder holds about two frames, which come out with the next segment.
 */

import type { Frame, Track } from '@oxbow/media/frame';
import { rescale } from '@oxbow/media/rescale';
import type { AudioMode } from '../../config/schema.ts';
import type { AudioTranscoder, OpenTranscoder } from '../../ffmpeg/audio-transcoder.ts';
import { waitFor } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import type { ConversionReport } from '../stage/conversion-report.ts';
import { SupervisedProcess } from '../stage/supervised-process.ts';
import { type ConversionPlan, planConversion } from './plan.ts';

/** This many frames are sent at a time. */
const BATCH = 500;
/**
 * Frames that come out with the next segment are at most this much earlier than its own; others belong before
 * a jump. s
 */
const HELD_S = 0.5;
/** A segment whose conversion failed is converted once more. */
const ATTEMPTS = 2;

/** Dependencies of a converter. */
interface SegmentAudioOptions {
  readonly open: OpenTranscoder;
  readonly clock: Clock;
  readonly mode: AudioMode;
  readonly report: Pick<ConversionReport, 'failed' | 'lost'>;
}

/** The converted audio of a segment. */
interface ConvertedAudio {
  /** All tracks of the segment, the converted ones as AAC. */
  readonly tracks: readonly Track[];
  /** AAC frames of the converted tracks, in the order of each track. */
  readonly frames: readonly Frame[];
}

/** The conversion of one pull. */
export class SegmentAudio implements AsyncDisposable {
  readonly #options: SegmentAudioOptions;
  readonly #transcoder: SupervisedProcess<AudioTranscoder>;
  #made: Frame[] = [];
  #lost = 0;
  #hasFailed = false;
  /** The tracks of the running conversion, as JSON. */
  #current = '';

  constructor(options: SegmentAudioOptions) {
    this.#options = options;
    this.#transcoder = new SupervisedProcess(options.open, options.clock, {
      frame: (frame) => void this.#made.push(frame),
      failed: (why) => {
        this.#hasFailed = true;
        options.report.failed(why);
      },
      lost: (count) => {
        this.#lost += count;
      },
    });
  }

  /**
   * Converts the audio of a segment. Audio that could not be converted is missing.
   *
   * @param frames of all tracks; those of tracks that are not converted are ignored
   * @returns undefined if no track is converted
   */
  async convert(
    tracks: readonly Track[],
    frames: readonly Frame[],
    { signal }: { signal: AbortSignal },
  ): Promise<ConvertedAudio | undefined> {
    const plan = planConversion(tracks, this.#options.mode);
    if (plan.converts.length === 0) return undefined;
    const ids = new Set(plan.converts.map(({ id }) => id));
    const sound = frames.filter(({ trackId }) => ids.has(trackId));
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      this.#hasFailed = false;
      this.#lost = 0;
      await this.#begin(plan, { signal });
      for (let at = 0; at < sound.length && !this.#hasFailed; at += BATCH) {
        for (const frame of sound.slice(at, at + BATCH)) this.#transcoder.push(frame);
        await waitFor(this.#transcoder.drained(), { signal });
      }
      if (!this.#hasFailed) break;
      this.#current = '';
      if (attempt < ATTEMPTS) this.#made = [];
    }
    const lost = this.#hasFailed ? sound.length : this.#lost;
    if (lost > 0) this.#options.report.lost(lost);
    return { tracks: plan.tracks, frames: belonging(this.#made.splice(0), sound, plan) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#transcoder.stop();
  }

  async #begin({ converts }: ConversionPlan, { signal }: { signal: AbortSignal }): Promise<void> {
    const wanted = JSON.stringify(converts);
    if (wanted === this.#current) return;
    this.#current = wanted;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#transcoder.finish(resolve);
    await waitFor(promise, { signal });
    this.#made = [];
    this.#transcoder.begin((process) => process.setTracks(converts));
  }
}

/**
 * The frames near those of the segment: frames in the encoder before a jump of the times belong to media that
 * was published.
 */
function belonging(made: readonly Frame[], sound: readonly Frame[], { converts }: ConversionPlan): Frame[] {
  const spans = new Map(
    converts.map(({ id, timescale, sampleRate }) => {
      const times = sound.filter(({ trackId }) => trackId === id).map(({ pts }) => rescale(pts, timescale, sampleRate));
      const fromPts = times.reduce((least, pts) => Math.min(least, pts), Number.POSITIVE_INFINITY);
      const toPts = times.reduce((most, pts) => Math.max(most, pts), Number.NEGATIVE_INFINITY);
      return [id, { fromPts: fromPts - HELD_S * sampleRate, toPts: toPts + HELD_S * sampleRate }];
    }),
  );
  return made.filter(({ trackId, pts }) => {
    const span = spans.get(trackId);
    return span !== undefined && pts >= span.fromPts && pts <= span.toPts;
  });
}
