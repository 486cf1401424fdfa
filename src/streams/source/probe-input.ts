/**
 * The input of a probe: measures the media, reports when there is enough, and keeps one key frame.
 * In: a pull. Out: the run, the measured rates, the first key frame.
 */

import type { Frame, Track } from '@oxbow/media/frame';
import type { GapCause } from '@oxbow/media/gap';
import type { MediaRates } from '../../api/source-facts.ts';
import { Continuity } from '../../live/continuity.ts';
import type { RunStart, StreamInput } from '../../live/input.ts';
import { referenceOf } from '../../live/reference.ts';
import { MediaMeter } from './media-meter.ts';

/** A key frame and the track it belongs to. */
export interface KeyFrame {
  readonly track: Track;
  readonly frame: Frame;
}

export class ProbeInput implements StreamInput {
  readonly #depthS: number;
  readonly #enough: () => void;
  readonly #meter = new MediaMeter();
  readonly #continuity = new Continuity();
  #start: RunStart | undefined;
  #missing: string | undefined;
  #isUnreadable = false;
  #keyFrame: KeyFrame | undefined;
  #reference: Track | undefined;
  #firstTicks: number | undefined;

  /**
   * @param depthS media to read, seconds
   * @param enough called after this much media, or when there will be none
   */
  constructor(depthS: number, enough: () => void) {
    this.#depthS = depthS;
    this.#enough = enough;
  }

  /** The current run; undefined before the first media. */
  get start(): RunStart | undefined {
    return this.#start;
  }

  /** Why there is no media. */
  get missing(): string | undefined {
    return this.#missing;
  }

  /** The source has segments, but none is supported. */
  get isUnreadable(): boolean {
    return this.#isUnreadable;
  }

  /** The first key frame of the video. */
  get keyFrame(): KeyFrame | undefined {
    return this.#keyFrame;
  }

  /** The measured rates. */
  get rates(): MediaRates | undefined {
    return this.#meter.rates;
  }

  startRun(start: RunStart): void {
    this.#start = start;
    this.#reference = referenceOf(start.tracks);
    this.#continuity.begin(start.tracks);
    this.#firstTicks = undefined;
    this.#meter.begin(start.tracks);
  }

  publish(frame: Frame): void {
    const reference = this.#reference;
    this.#meter.add(frame);
    if (!reference || frame.trackId !== reference.id) return;
    this.#continuity.add(frame);
    if (frame.key && !this.#keyFrame && reference.kind === 'video') {
      this.#keyFrame = { track: reference, frame: { ...frame, data: frame.data.slice() } };
    }
    this.#firstTicks ??= frame.dts;
    if (frame.dts + frame.duration - this.#firstTicks >= this.#depthS * reference.timescale) this.#enough();
  }

  jumps(frame: Frame): boolean {
    const jump = this.#continuity.jump(frame);
    if (jump?.isAhead) this.absent('source-skipped', jump.detail);
    return jump !== undefined;
  }

  flush(): void {}

  absent(cause: GapCause | 'offline', detail: string): void {
    if (this.#missing === undefined) this.#isUnreadable = cause === 'bad-media';
    this.#missing ??= detail;
    this.#enough();
  }

  damage(): void {}
}
