/**
 * Timed metadata of one PID, placed on the program's timeline. It never moves the timeline, and waits only
 * for its first time.
 * In: payloads with their presentation time, if any. Out: frames without duration. ISO/IEC 13818-1, 2.4.3.7.
 */
import type { DataConfig } from '../../frame.ts';
import type { ElementaryOutput, TrackSetup } from '../elementary.ts';
import { PES_TIMESCALE, type ProgramClock } from '../timestamps.ts';

/** Most payloads that wait for the first time of the program. */
const MAX_WAITING = 64;
const MAX_WAITING_BYTES = 1024 * 1024;
/** A time this far from the media is invalid, ticks: 1 h. */
const MAX_DISTANCE = 3600 * PES_TIMESCALE;

/** The timeline of the program. */
interface DataTiming {
  /** Time of the newest frame, ticks of 90 kHz; undefined before the first. */
  now(): number | undefined;
  /** Metadata for a later time: decoded now, presented then. */
  readonly ahead: boolean;
}

/** Configuration of a metadata track. */
export function dataSetup(codec: DataConfig['codec']): TrackSetup {
  const config: DataConfig = { codec, record: new Uint8Array(0), codecs: '' };
  return { kind: 'data', config, timescale: PES_TIMESCALE };
}

/** Creates frames of one metadata stream. */
export class DataTrack {
  readonly #clock: ProgramClock;
  readonly #out: ElementaryOutput;
  readonly #timing: DataTiming;
  #waiting: { readonly raw: number | undefined; readonly data: Uint8Array }[] = [];
  #last: number | undefined;

  constructor(clock: ProgramClock, out: ElementaryOutput, timing: DataTiming) {
    this.#clock = clock;
    this.#out = out;
    this.#timing = timing;
  }

  /**
   * @param raw 33 bits, or undefined for now
   * @param data is kept
   */
  take(raw: number | undefined, data: Uint8Array): void {
    this.#waiting.push({ raw, data });
    this.settle();
    let bytes = this.#waiting.reduce((sum, frame) => sum + frame.data.length, 0);
    while (this.#waiting.length > MAX_WAITING || bytes > MAX_WAITING_BYTES) {
      bytes -= this.#waiting.shift()!.data.length;
      this.#out.damage('metadata before any media');
    }
  }

  /** Delivers the waiting payloads, if there is a time now. */
  settle(): void {
    const now = this.#timing.now();
    if (now === undefined) return;
    for (const { raw, data } of this.#waiting.splice(0)) {
      const told = raw === undefined ? now : this.#clock.near(raw);
      const time = Math.abs(told - now) > MAX_DISTANCE ? now : told;
      const wanted = this.#timing.ahead ? now : time;
      const dts = this.#last === undefined || wanted > this.#last ? wanted : this.#last + 1;
      this.#last = dts;
      this.#out.frame({ trackId: 0, dts, pts: Math.max(dts, time), duration: 0, key: true, data });
    }
  }

  /** A new timeline begins. */
  restart(): void {
    this.#waiting = [];
    this.#last = undefined;
  }
}
