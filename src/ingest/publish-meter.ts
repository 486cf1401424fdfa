/**
 * Measures what a publisher sends: every frame of a session as it arrives, also those that the stream drops
 * or that come before a key frame. In: tracks and frames of ingest/publisher. Out: sums and extremes that
 * streams/measure reads once a second. It never waits.
 */

import type { Frame, Track } from '@oxbow/media/frame';
import type { Pace } from '../live/input.ts';
import { noSums, TrackMeter, type TrackSums } from './track-meter.ts';

/** The meter of one publisher session. */
export class PublishMeter {
  /** Of the first video track; `bytes` of all. */
  readonly video: TrackSums = noSums();
  /** Of the first audio track; `bytes` of all. */
  readonly audio: TrackSums = noSums();
  /**
   * How often the session announced tracks: 1 after its start; more where a configuration changed or media
   * began again.
   */
  starts = 0;
  /** How often the size of the picture changed. */
  sizeChanges = 0;
  /** How often the protocol reported damaged media. */
  damaged = 0;
  /** By how much the audio of the current run is moved, ms: `source.audioOffset` when the run began. */
  audioOffsetMs = 0;
  /** Frames come in bursts (pulled segments): the times of their arrival say nothing of their intervals. */
  isBursty = false;
  /**
   * How far the newest audio was behind the newest video when it arrived, ms of media since `forgetExtremes`;
   * negative: before it.
   */
  audioBehindMs: { least: number; most: number } | undefined;
  #tracks: readonly TrackMeter[] = [];
  #firstVideo: TrackMeter | undefined;
  #firstAudio: TrackMeter | undefined;
  #last: TrackMeter | undefined;

  /** The tracks that the publisher announced last. */
  get tracks(): readonly Track[] {
    return this.#tracks.map(({ track }) => track);
  }

  /** All tracks with what was measured of each. */
  get trackMeters(): readonly TrackMeter[] {
    return this.#tracks;
  }

  /** The first video track; undefined where there is none. */
  get videoTrack(): TrackMeter | undefined {
    return this.#firstVideo;
  }

  /** The first audio track; undefined where there is none. */
  get audioTrack(): TrackMeter | undefined {
    return this.#firstAudio;
  }

  /** A run begins. */
  begin(tracks: readonly Track[], pace: Pace['kind']): void {
    const before = this.#firstVideo?.track;
    this.starts++;
    this.isBursty = pace === 'bursty';
    const video = tracks.find(({ kind }) => kind === 'video');
    const audio = tracks.find(({ kind }) => kind === 'audio');
    this.#tracks = tracks.map((track) => {
      const isFurther = track !== video && track !== audio;
      return new TrackMeter(track, isFurther ? noSums() : this.#sumsOf(track), { isFurther });
    });
    this.#firstVideo = this.#tracks.find(({ track }) => track === video);
    this.#firstAudio = this.#tracks.find(({ track }) => track === audio);
    this.#last = undefined;
    this.audioBehindMs = undefined;
    const now = this.#firstVideo?.track;
    if (before?.kind !== 'video' || now?.kind !== 'video') return;
    if (before.config.width !== now.config.width || before.config.height !== now.config.height) this.sizeChanges++;
  }

  /**
   * Adds a frame that arrived at `nowMs`, monotonic. Frames of a track that was not announced are ignored.
   */
  add(frame: Frame, nowMs: number): void {
    let meter = this.#last;
    if (meter?.track.id !== frame.trackId) {
      meter = this.#tracks.find(({ track }) => track.id === frame.trackId);
      this.#last = meter;
    }
    if (!meter) return;
    meter.add(frame, nowMs);
    if (meter.isFurther) this.#sumsOf(meter.track).bytes += frame.data.length;
    if (meter === this.#firstAudio && !this.isBursty) this.#interleave();
  }

  /** Begins another period of all extremes. */
  forgetExtremes(): void {
    this.audioBehindMs = undefined;
    for (const meter of this.#tracks) meter.forgetExtremes();
  }

  #interleave(): void {
    const behindMs =
      this.#firstVideo && this.#firstAudio ? this.#firstVideo.dtsMs - this.#firstAudio.dtsMs : Number.NaN;
    if (Number.isNaN(behindMs)) return;
    const range = this.audioBehindMs;
    if (!range) this.audioBehindMs = { least: behindMs, most: behindMs };
    else if (behindMs < range.least) range.least = behindMs;
    else if (behindMs > range.most) range.most = behindMs;
  }

  /** Text and data tracks have sums that are not read. */
  #sumsOf({ kind }: Track): TrackSums {
    if (kind === 'video') return this.video;
    return kind === 'audio' ? this.audio : noSums();
  }
}
