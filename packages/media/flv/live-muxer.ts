/**
 * Muxes live frames as endless FLV for one receiver over RTMP.
 * In: the tracks of each run, and its frames in the order in which they come. Out: messages; configurations
 * before the first frame of a run. Timestamps are UTC since the first frame: they continue over runs, and
 * gaps remain gaps. A run whose UTC was measured better than that of the one before it begins where that one
 * has ended.
 */

import type { Frame, Track } from '../frame.ts';
import type { LeftOutTrack } from '../left-out.ts';
import { type Run, ticksToUs } from '../run.ts';
import type { FlvMessage } from './message.ts';
import { createFlvMuxer, type FlvMuxer, type FlvMuxerOptions } from './muxer.ts';

/** Sound of the previous run may reach beyond its pictures by this much, and delays the next run, µs. */
const MAX_OVERLAP_US = 250_000;
const noEnds = { pictureUs: Number.NEGATIVE_INFINITY, soundUs: Number.NEGATIVE_INFINITY };

interface LiveRun {
  readonly tracks: readonly Track[];
  readonly utcOffsetUs: number;
}

/** A muxer for one receiver. */
export class LiveFlvMuxer {
  readonly #options: Omit<FlvMuxerOptions, 'baseMs'>;
  #run: LiveRun | undefined;
  #muxer: FlvMuxer | undefined;
  /** UTC of timestamp 0, µs since 1970. */
  #originUs: number | undefined;
  /** The receiver has colours, which a run without any revokes. */
  #hasColours = false;
  /** Where the pictures of the current run end, by decode time, and its sound; µs of its timeline. */
  #ends = noEnds;
  /** The same of the run before it, UTC in µs since 1970 as it was sent. */
  #sent = noEnds;
  /** The run is sent this much later than its UTC says, µs. */
  #lateUs = 0;

  constructor(options: Omit<FlvMuxerOptions, 'baseMs'>) {
    this.#options = options;
  }

  /**
   * Begins a run. Call it before its first frame, not for a soft re-anchor.
   *
   * @returns the tracks that are left out
   */
  startRun(tracks: readonly Track[], { utcOffsetUs }: Pick<Run, 'utcOffsetUs'>): readonly LeftOutTrack[] {
    const before = this.#run;
    if (before && this.#muxer) {
      const { pictureUs, soundUs } = this.#ends;
      const offsetUs = before.utcOffsetUs + this.#lateUs;
      this.#sent = { pictureUs: pictureUs + offsetUs, soundUs: soundUs + offsetUs };
    }
    this.#run = { tracks, utcOffsetUs };
    this.#muxer = undefined;
    return createFlvMuxer(tracks, this.#options).leftOut;
  }

  /** The messages of a frame; before the first one of a run its metadata and configurations. */
  frame(frame: Frame): readonly FlvMessage[] {
    const run = this.#run;
    const track = run?.tracks.find(({ id }) => id === frame.trackId);
    if (!run || !track) return [];
    if (!this.#muxer) return this.#first(run, track, frame);
    this.#extend(track, frame);
    return this.#muxer.frame(frame);
  }

  #first(run: LiveRun, track: Track, frame: Frame): readonly FlvMessage[] {
    this.#ends = { ...noEnds };
    this.#extend(track, frame);
    const [dtsUs, ptsUs] = [frame.dts, frame.pts].map((ticks) => run.utcOffsetUs + ticksToUs(ticks, track.timescale));
    // Receivers take times that go back for a new beginning, or drop the frames.
    const { pictureUs, soundUs } = this.#sent;
    const isPicture = track.kind === 'video';
    this.#lateUs = Math.max(
      0,
      isPicture ? pictureUs - dtsUs! : soundUs - dtsUs!,
      isPicture ? Math.min(MAX_OVERLAP_US, soundUs - ptsUs!) : 0,
    );
    this.#originUs ??= dtsUs!;
    const baseMs = (this.#originUs - run.utcOffsetUs - this.#lateUs) / 1000;
    this.#muxer = createFlvMuxer(run.tracks, { ...this.#options, baseMs });
    const colours = this.#muxer.colours(this.#hasColours);
    const heads = [this.#muxer.metadata(), ...this.#muxer.sequenceHeaders(), ...(colours ? [colours] : [])];
    if (colours) this.#hasColours = run.tracks.some(hasColourInfo);
    const first = this.#muxer.frame(frame);
    const timestampMs = first[0]?.timestampMs ?? 0;
    return [...heads.map((head) => ({ ...head, timestampMs })), ...first];
  }

  #extend({ kind, timescale }: Track, { dts, duration }: Frame): void {
    const endUs = ticksToUs(dts + duration, timescale);
    const ends = this.#ends;
    if (kind === 'video') ends.pictureUs = Math.max(ends.pictureUs, endUs);
    else if (kind === 'audio') ends.soundUs = Math.max(ends.soundUs, endUs);
  }
}

function hasColourInfo(track: Track): boolean {
  return track.kind === 'video' && track.config.colourInfo !== undefined;
}
