/**
 * Options and limits of re-encoding pictures.
 * In: recode.ts. Out: child/recode-main. Types and constants.
 */
import type { VideoTrack } from '@oxbow/media/frame';

/** The pictures to re-encode, and their timestamps. */
export interface RecodeOptions {
  /** Track of the source. */
  readonly track: VideoTrack;
  /** Pictures with a pts in [fromPts, toPts) are encoded, ticks of the track. */
  readonly fromPts: number;
  readonly toPts: number;
  /** pts − dts of the result, ticks: the same as in the media that it is joined to. */
  readonly delay: number;
}

/** Limits of one job. */
export const recodeLimits = {
  /** Size of all frames, bytes. */
  maxInputBytes: 128 * 1024 * 1024,
  /** Decoded pictures. */
  maxPictures: 3600,
  /** Longest duration, ms. */
  withinMs: 10 * 60_000,
  /** Memory for a few 8K pictures and the encoder, bytes. */
  maxDataBytes: 4 * 1024 * 1024 * 1024,
} as const;
