/**
 * Measures the frames of one track as they come from a publisher: a few additions and comparisons per frame,
 * nothing is kept of them.
 * In: frames of one track with the time of their arrival. Out: sums since the start of the session, and
 * extremes since the last `forgetExtremes`. Used by ingest/publish-meter. Pure.
 */
import type { Frame, Track } from '@oxbow/media/frame';
import { ScanWatch } from '@oxbow/media/scan';

/** A longer step of the decode time is a pause: it counts as no media, seconds. */
const PAUSE_S = 3;
/** A step that differs from the usual one by more than this part of it is irregular. */
const IRREGULAR = 0.25;

/** Sums over the frames of a track. Times are milliseconds of media. */
export interface TrackSums {
  bytes: number;
  frames: number;
  /** Media that the frames cover. */
  mediaMs: number;
  /** Frames whose distance to the one before differs from the usual one by more than a quarter. */
  irregular: number;
  /** Frames that are shown before a frame that was sent earlier: B-frames. */
  reordered: number;
  /** Frames whose decode time is not after that of the frame before. */
  backwards: number;
  keys: number;
  /** Frames of two fields. */
  interlaced: number;
}

/** Sums of nothing. */
export function noSums(): TrackSums {
  return { bytes: 0, frames: 0, mediaMs: 0, irregular: 0, reordered: 0, backwards: 0, keys: 0, interlaced: 0 };
}

/** One track of a publisher. Counts into the sums that it was created with. */
export class TrackMeter {
  readonly track: Track;
  /** Not the first track of its kind. */
  readonly isFurther: boolean;
  /** Arrival of the last frame, monotonic ms; undefined before the first. */
  lastMs: number | undefined;
  /** Decode time of the last frame, ms of the media clock. */
  dtsMs = Number.NaN;
  /** Bytes of the largest frame since `forgetExtremes`. */
  largestBytes = 0;
  /** Longest time without a frame since `forgetExtremes`, ms. */
  longestPauseMs = 0;
  /** Smoothed difference between arrival and media time, ms (as RFC 3550, 6.4.1). */
  jitterMs = 0;
  /** Longest distance of two key frames since `forgetExtremes`, ms; 0: no key frame ended one. */
  longestGopMs = 0;
  /**
   * Frames from the last key frame but one to the last, excluding the latter; 0 before the second key frame.
   */
  gopFrames = 0;
  readonly #sums: TrackSums;
  readonly #msPerTick: number;
  readonly #scan: ScanWatch | undefined;
  #shownMs = Number.NEGATIVE_INFINITY;
  #usualStepMs = 0;
  /** Decode time of the last key frame, otherwise of the first frame; ms. */
  #keyMs = Number.NaN;
  #hasKey = false;
  #framesSinceKey = 0;

  constructor(track: Track, sums: TrackSums, { isFurther = false } = {}) {
    this.track = track;
    this.isFurther = isFurther;
    this.#sums = sums;
    this.#msPerTick = 1000 / track.timescale;
    this.#scan = track.kind === 'video' ? new ScanWatch(track.config) : undefined;
  }

  /**
   * Media since the last key frame, or since the first frame while there was none, ms; 0 before the first
   * frame.
   */
  get sinceKeyMs(): number {
    return this.dtsMs - this.#keyMs || 0;
  }

  /** There was a key frame. */
  get hasKey(): boolean {
    return this.#hasKey;
  }

  /** Adds a frame of the track that arrived at `nowMs`, monotonic. */
  add(frame: Frame, nowMs: number): void {
    const { dts, pts, data, key } = frame;
    const sums = this.#sums;
    const dtsMs = dts * this.#msPerTick;
    const stepMs = dtsMs - this.dtsMs;
    sums.bytes += data.length;
    sums.frames++;
    if (data.length > this.largestBytes) this.largestBytes = data.length;
    if (stepMs > 0) this.#step(stepMs, nowMs);
    else if (stepMs <= 0) this.#restart(dtsMs);
    else this.#keyMs = dtsMs; // the first frame
    const shownMs = pts * this.#msPerTick;
    if (shownMs < this.#shownMs) sums.reordered++;
    else this.#shownMs = shownMs;
    this.dtsMs = dtsMs;
    this.lastMs = nowMs;
    if (!this.#scan) return;
    this.#count(key, dtsMs);
    if (this.#scan.look(frame) === 'interlaced') sums.interlaced++;
  }

  /** Begins another period of `largestBytes`, `longestPauseMs` and `longestGopMs`. */
  forgetExtremes(): void {
    this.largestBytes = 0;
    this.longestPauseMs = 0;
    this.longestGopMs = 0;
  }

  #step(stepMs: number, nowMs: number): void {
    const sums = this.#sums;
    const waitMs = nowMs - (this.lastMs ?? nowMs);
    if (waitMs > this.longestPauseMs) this.longestPauseMs = waitMs;
    if (stepMs > PAUSE_S * 1000) return;
    sums.mediaMs += stepMs;
    this.jitterMs += (Math.abs(waitMs - stepMs) - this.jitterMs) / 16;
    const usualMs = this.#usualStepMs;
    if (usualMs === 0) this.#usualStepMs = stepMs;
    else {
      if (Math.abs(stepMs - usualMs) > usualMs * IRREGULAR) sums.irregular++;
      this.#usualStepMs += (stepMs - usualMs) / 16;
    }
  }

  #restart(dtsMs: number): void {
    this.#sums.backwards++;
    this.#shownMs = Number.NEGATIVE_INFINITY;
    this.#keyMs = dtsMs;
    this.#framesSinceKey = 0;
  }

  #count(key: boolean, dtsMs: number): void {
    if (key) {
      this.#sums.keys++;
      const gopMs = dtsMs - this.#keyMs;
      if (this.#hasKey && this.#framesSinceKey > 0) {
        if (gopMs > this.longestGopMs) this.longestGopMs = gopMs;
        this.gopFrames = this.#framesSinceKey;
      }
      this.#hasKey = true;
      this.#keyMs = dtsMs;
      this.#framesSinceKey = 0;
    }
    this.#framesSinceKey++;
  }
}
