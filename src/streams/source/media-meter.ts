/**
 * Measures bit rate, frame rate and key frame interval over the last ten seconds of media.
 * In: a run's tracks, then its frames. Out: three numbers, for GET /streams/{name} and `probe`. A few
 * additions per frame.
 */

import type { Frame, Track } from '@oxbow/media/frame';
import type { MediaRates } from '../../api/source-facts.ts';
import { referenceOf } from '../../live/reference.ts';
import type { Sink } from '../../live/sink.ts';

/** Media that one measurement covers, seconds. */
const WINDOW_S = 10;
/** Shortest media that can be measured, seconds. */
const LEAST_S = 0.5;

/** A meter of one stream. */
export class MediaMeter {
  #reference: Track | undefined;
  #done: MediaRates | undefined;
  #bytes = 0;
  #frames = 0;
  /** dts of the first reference frame of the window, and the end of the last, ticks. */
  #firstTicks = 0;
  #endTicks = 0;
  #lastKeyTicks: number | undefined;
  /** Longest key frame interval in this window, ticks. */
  #gopTicks = 0;

  /** Starts again for a new run: it has other tracks or another clock. */
  begin(tracks: readonly Track[]): void {
    this.#reference = referenceOf(tracks);
    this.#done = undefined;
    this.#lastKeyTicks = undefined;
    this.#clear();
  }

  /** Adds a frame of the run. */
  add(frame: Frame): void {
    const reference = this.#reference;
    if (!reference) return;
    this.#bytes += frame.data.length;
    if (frame.trackId !== reference.id) return;
    const window = WINDOW_S * reference.timescale;
    if (this.#frames > 0 && frame.dts < this.#endTicks - window) this.begin([reference]); // its timestamps were reset
    if (this.#frames > 0 && frame.dts - this.#firstTicks >= window) {
      this.#done = this.#rates();
      this.#clear();
      this.#bytes = frame.data.length; // it is the first of the next window
    }
    if (this.#frames === 0) this.#firstTicks = frame.dts;
    this.#frames += 1;
    this.#endTicks = frame.dts + frame.duration;
    if (!frame.key) return;
    if (this.#lastKeyTicks !== undefined) this.#gopTicks = Math.max(this.#gopTicks, frame.dts - this.#lastKeyTicks);
    this.#lastKeyTicks = frame.dts;
  }

  /** The last measurement; undefined before half a second of media. */
  get rates(): MediaRates | undefined {
    return this.#done ?? this.#rates();
  }

  /** The run has ended. */
  end(): void {
    this.#reference = undefined;
    this.#done = undefined;
    this.#clear();
  }

  #clear(): void {
    this.#bytes = 0;
    this.#frames = 0;
    this.#gopTicks = 0;
  }

  #rates(): MediaRates | undefined {
    const reference = this.#reference;
    if (!reference || this.#frames === 0) return undefined;
    const seconds = (this.#endTicks - this.#firstTicks) / reference.timescale;
    if (seconds < LEAST_S) return undefined;
    const gopS = this.#gopTicks > 0 ? this.#gopTicks / reference.timescale : (this.#done?.gopS ?? null);
    return {
      bitrate: Math.round((this.#bytes * 8) / seconds),
      frameRate: reference.kind === 'video' ? rounded(this.#frames / seconds) : null,
      gopS: reference.kind === 'video' && gopS !== null ? rounded(gopS) : null,
    };
  }
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}

/** A sink that only measures. */
export function meterSink(meter: MediaMeter): Sink {
  return {
    holdsFrames: false,
    startRun({ tracks, soft }) {
      if (!soft) meter.begin(tracks);
    },
    write: (frame) => meter.add(frame),
    flush() {},
    endRun: () => meter.end(),
    damage() {},
  };
}
