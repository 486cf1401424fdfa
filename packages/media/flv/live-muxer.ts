/**
 * Muxes live frames as endless FLV for one receiver over RTMP.
 * In: the tracks of each run, and its frames in the order in which they come. Out: messages; configurations
 * before the first frame of a run. Timestamps are UTC since the first frame: they continue over runs, and
 * gaps remain gaps.
 */

import type { Frame, Track } from '../frame.ts';
import type { LeftOutTrack } from '../left-out.ts';
import { type Run, ticksToUs } from '../run.ts';
import type { FlvMessage } from './message.ts';
import { createFlvMuxer, type FlvMuxer, type FlvMuxerOptions } from './muxer.ts';

/** A muxer for one receiver. */
export class LiveFlvMuxer {
  readonly #options: Omit<FlvMuxerOptions, 'baseMs'>;
  #run: { readonly tracks: readonly Track[]; readonly utcOffsetUs: number } | undefined;
  #muxer: FlvMuxer | undefined;
  /** UTC of timestamp 0, µs since 1970. */
  #originUs: number | undefined;
  /** The receiver has colours, which a run without any revokes. */
  #hasColours = false;

  constructor(options: Omit<FlvMuxerOptions, 'baseMs'>) {
    this.#options = options;
  }

  /**
   * Begins a run. Call it before its first frame, not for a soft re-anchor.
   *
   * @returns the tracks that are left out
   */
  startRun(tracks: readonly Track[], { utcOffsetUs }: Pick<Run, 'utcOffsetUs'>): readonly LeftOutTrack[] {
    this.#run = { tracks, utcOffsetUs };
    this.#muxer = undefined;
    return createFlvMuxer(tracks, this.#options).leftOut;
  }

  /** The messages of a frame; before the first one of a run its metadata and configurations. */
  frame(frame: Frame): readonly FlvMessage[] {
    if (this.#muxer) return this.#muxer.frame(frame);
    const run = this.#run;
    const track = run?.tracks.find(({ id }) => id === frame.trackId);
    if (!run || !track) return [];
    this.#originUs ??= run.utcOffsetUs + ticksToUs(frame.dts, track.timescale);
    const baseMs = (this.#originUs - run.utcOffsetUs) / 1000;
    this.#muxer = createFlvMuxer(run.tracks, { ...this.#options, baseMs });
    const colours = this.#muxer.colours(this.#hasColours);
    const heads = [this.#muxer.metadata(), ...this.#muxer.sequenceHeaders(), ...(colours ? [colours] : [])];
    if (colours) this.#hasColours = run.tracks.some(hasColourInfo);
    const first = this.#muxer.frame(frame);
    const timestampMs = first[0]?.timestampMs ?? 0;
    return [...heads.map((head) => ({ ...head, timestampMs })), ...first];
  }
}

function hasColourInfo(track: Track): boolean {
  return track.kind === 'video' && track.config.colourInfo !== undefined;
}
