/**
 * Audio of one PID: parses PES payloads into frames.
 * In: PES units of frames with headers. Out: access units, timed in ticks of the sample rate.
 * The times of PES packets are rounded to 90 kHz or worse: within 2 ms of the predicted time, the prediction
 * is used.
 */
import { concatBytes } from '../../bytes.ts';
import { rescale } from '../../rescale.ts';
import type { Elementary, ElementaryOutput } from '../elementary.ts';
import type { PesHeader } from '../pes.ts';
import { PES_TIMESCALE, type ProgramClock, TrackClock } from '../timestamps.ts';
import type { AudioFraming, AudioUnit } from './audio-framing.ts';
import { AudioSplitter } from './audio-splitter.ts';

const SNAP_S = 0.002;
/** A larger jump ahead counts only when the next PES confirms it. */
const DOUBTFUL_S = 1;
const MAX_DOUBTFUL_FRAMES = 1024;
/**
 * Most units of one frame: six blocks of eight programs with eight dependent substreams each; real streams
 * have far fewer.
 */
const MAX_PIECES = 64;

interface Timed {
  readonly pts: number;
  readonly samples: number;
  readonly data: Uint8Array;
}

/** Frames after an unconfirmed jump ahead. */
interface Doubt {
  /** Where the next frame belongs, ticks of the rate. */
  next: number;
  readonly frames: Timed[];
}

/** A frame that may get further units. */
interface Open {
  readonly units: AudioUnit[];
  readonly data: Uint8Array[];
  readonly pts: number | undefined;
}

/** Parses frames of one audio stream. */
export class AudioTrack implements Elementary {
  readonly #framing: AudioFraming;
  readonly #out: ElementaryOutput;
  readonly #clock: TrackClock;
  readonly #splitter: AudioSplitter;
  #open: Open | undefined;
  /** Key of the current configuration. */
  #signature: number | undefined;
  #configured = false;
  #rate = 0;
  /** Where the next frame is expected, and where the last one was, ticks of the rate. */
  #next: number | undefined;
  #last: number | undefined;
  #doubt: Doubt | undefined;

  constructor(framing: AudioFraming, clock: ProgramClock, out: ElementaryOutput) {
    this.#framing = framing;
    this.#out = out;
    this.#clock = new TrackClock(clock);
    this.#splitter = new AudioSplitter(framing, {
      frame: (unit, data, pts) => (unit.piece ? this.#piece(unit, data, pts) : this.#whole(unit, data, pts)),
      damage: (reason) => out.damage(reason),
    });
  }

  header(): void {}

  unit(header: PesHeader, bytes: Uint8Array, from: number, to: number): void {
    this.#splitter.push(bytes, from, to, header.pts);
  }

  lost(): void {
    this.#splitter.reset();
    // The frame is complete; it only waited for further units.
    if (this.#open && signatureOf(this.#open.units) === this.#signature) this.#close();
    this.#open = undefined;
  }

  flush(): void {
    this.#close();
    this.#believe();
  }

  get holds(): boolean {
    return this.#open !== undefined || this.#doubt !== undefined;
  }

  /** Frames are delivered with their PES; only one of unknown length waits for the next. */
  get settles(): boolean {
    return true;
  }

  settle(): boolean {
    return false;
  }

  restart(): void {
    this.#splitter.reset();
    this.#open = undefined;
    this.#doubt = undefined;
    this.#next = undefined;
    this.#last = undefined;
  }

  /** A frame that is one unit. */
  #whole(unit: AudioUnit, data: Uint8Array, pts: number | undefined): void {
    if (this.#open) this.#close();
    if (unit.signature !== this.#signature) this.#configure(unit.signature, [unit]);
    this.#frame(unit, unit.samples, data, pts);
  }

  /** A unit of a frame: the frame is complete when another one begins. */
  #piece(unit: AudioUnit, data: Uint8Array, pts: number | undefined): void {
    const { begins, least } = unit.piece!;
    const open = this.#open;
    const isFull = open !== undefined && (samplesOf(open.units) >= least || open.units.length >= MAX_PIECES);
    if (open && isFull && begins) this.#close();
    if (!this.#open && !begins) return; // joined in the middle of a frame
    this.#open ??= { units: [], data: [], pts };
    this.#open.units.push(unit);
    this.#open.data.push(data);
    if (this.#open.units.length > MAX_PIECES) {
      this.#open = undefined;
      this.#out.damage(`${this.#framing.name}: a frame of more than ${MAX_PIECES} pieces`);
    }
  }

  #close(): void {
    const open = this.#open;
    if (!open) return;
    this.#open = undefined;
    const signature = signatureOf(open.units);
    if (signature !== this.#signature) this.#configure(signature, open.units);
    const data = open.data.length === 1 ? open.data[0]! : concatBytes(open.data);
    this.#frame(open.units[0]!, samplesOf(open.units), data, open.pts);
  }

  #frame(unit: AudioUnit, samples: number, data: Uint8Array, rawPts: number | undefined): void {
    if (!this.#configured) return;
    if (unit.refused) {
      this.#out.damage(unit.refused);
      return;
    }
    if (rawPts !== undefined) this.#anchor(rawPts);
    const doubt = this.#doubt;
    if (doubt) {
      doubt.frames.push({ pts: doubt.next, samples, data });
      doubt.next += samples;
      if (doubt.frames.length >= MAX_DOUBTFUL_FRAMES) this.#believe();
      return;
    }
    if (this.#next === undefined) return;
    const pts = this.#next;
    this.#next = pts + samples;
    this.#deliver(pts, samples, data);
  }

  /** Accepts the jump: delivers the frames after it with their times. */
  #believe(): void {
    const doubt = this.#doubt;
    if (!doubt) return;
    this.#doubt = undefined;
    this.#next = doubt.next;
    for (const { pts, samples, data } of doubt.frames) this.#deliver(pts, samples, data);
  }

  /** Sets where the next frame belongs. */
  #anchor(raw: number): void {
    const expected = this.#next === undefined ? undefined : rescale(this.#next, this.#rate, PES_TIMESCALE);
    const placed = this.#clock.place(raw, expected, expected ?? 0);
    if (this.#clock.isSetBack) {
      this.#out.damage('the clock of the source was set back');
      this.#out.mayChange?.();
    }
    const time = rescale(placed, PES_TIMESCALE, this.#rate);
    const doubt = this.#doubt;
    if (doubt) {
      if (Math.abs(time - doubt.next) < DOUBTFUL_S * this.#rate) {
        this.#believe();
      } else {
        this.#doubt = undefined;
        this.#out.damage(`${doubt.frames.length} ${this.#framing.name} frames with a broken time`);
      }
    }
    if (this.#next !== undefined && time - this.#next > DOUBTFUL_S * this.#rate) {
      this.#doubt = { next: time, frames: [] };
    } else if (this.#next === undefined || Math.abs(time - this.#next) > SNAP_S * this.#rate) {
      this.#next = time;
    }
  }

  #deliver(pts: number, samples: number, data: Uint8Array): void {
    if (this.#last !== undefined && pts <= this.#last) {
      this.#out.damage(`an ${this.#framing.name} frame ${this.#last - pts} ticks back`);
      return;
    }
    this.#last = pts;
    this.#out.frame({ trackId: 0, dts: pts, pts, duration: samples, key: true, data });
  }

  /** Reports a new configuration, or an unsupported one. */
  #configure(signature: number, units: readonly AudioUnit[]): void {
    this.#believe();
    this.#signature = signature;
    const config = this.#framing.config(units);
    this.#configured = typeof config !== 'string';
    if (typeof config === 'string') {
      this.#out.refused(config);
      return;
    }
    const before = this.#rate;
    this.#rate = units[0]!.sampleRate;
    if (before !== 0 && before !== this.#rate) {
      if (this.#next !== undefined) this.#next = rescale(this.#next, before, this.#rate);
      this.#last = undefined; // another timescale, another run
    }
    this.#out.configured({ kind: 'audio', config, timescale: this.#rate });
  }
}

/** The units up to the first repetition: the number of repetitions does not change the configuration. */
function signatureOf(units: readonly AudioUnit[]): number {
  let signature = 0;
  for (const [i, unit] of units.entries()) {
    if (i > 0 && unit.piece!.begins) break;
    signature = (Math.imul(signature, 31) + unit.signature) | 0;
  }
  return signature;
}

function samplesOf(units: readonly AudioUnit[]): number {
  let samples = 0;
  for (const unit of units) samples += unit.samples;
  return samples;
}
