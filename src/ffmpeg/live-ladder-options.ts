/**
 * What the process that encodes a live stream is to make of one run of it.
 * In: transcode/live plans it. Out: child/ladder/live-main. Types, which both processes share.
 */
import type { LadderPicture, LadderVideoRendition } from './ladder-options.ts';

/** Options of one run; the track of the source is sent before them. */
export interface LiveLadderOptions {
  readonly picture: LadderPicture;
  /** All that may be made in this run; those that are made now are sent apart. */
  readonly renditions: readonly LadderVideoRendition[];
  /** Earlier than every picture of the run, ticks of its track. */
  readonly origin: number;
  /** Threads of decoder and encoders together. */
  readonly threads: number;
  /**
   * The output takes the place of the source: the process has the priority of the server, and its decoder
   * holds no pictures.
   */
  readonly isSource?: true;
}
