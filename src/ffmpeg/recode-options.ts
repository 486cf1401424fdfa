/**
 * What is asked of the process that encodes pictures anew.
 * In: recode.ts. Out: child/recode-main. Pure types and numbers.
 */
import type { VideoTrack } from '../media/frame.ts';

/** Which pictures, and how their times are made. */
export interface RecodeOptions {
  /** What the pictures are coded with. */
  readonly track: VideoTrack;
  /** The pictures with a pts in [fromPts, toPts) are encoded, ticks of the track. */
  readonly fromPts: number;
  readonly toPts: number;
  /** pts − dts of what is made, ticks: that of the media it is joined to. */
  readonly delay: number;
}

/** How much may be asked. */
export const recodeLimits = {
  /** Of all frames together, bytes. */
  maxInputBytes: 128 * 1024 * 1024,
  /** Pictures that are decoded. */
  maxPictures: 3600,
  /** Longest it may take, ms. */
  withinMs: 10 * 60_000,
  /** Room for a few 8K pictures and the encoder's own. */
  maxDataBytes: 4 * 1024 * 1024 * 1024,
} as const;
