/**
 * The contract of the readers of an original: its tracks, then its frames on the clock of the container.
 * In: movie-reader, packet-reader. Out: import-original. Types only.
 */

import type { Frame, Track } from '@oxbow/media/frame';
import type { ImportLoss } from '../../api/library/asset-facts.ts';

/** A piece of an original, in about the order of the file. */
export interface MediaPiece {
  /** Frames of the tracks of the reader, in decode order of each. */
  readonly frames: readonly Frame[];
  /**
   * Of the track whose frames are the places to cut, where it is not among the tracks of the reader: times,
   * µs.
   */
  readonly times: readonly number[];
  /** Position in the file, bytes: for progress. */
  readonly atBytes: number;
}

/** Reads an original once. */
export interface MediaReader {
  /** Tracks that can be stored without encoding: at most one of video, then those of audio. */
  readonly tracks: readonly Track[];
  /** FFmpeg's number of the stream of each of them. */
  readonly streams: readonly number[];
  pieces(): AsyncGenerator<MediaPiece, void>;
  /** Damage, gaps and omissions so far; for a person. */
  readonly warnings: readonly string[];
  /** What of that is a loss. */
  readonly losses: readonly ImportLoss[];
}
