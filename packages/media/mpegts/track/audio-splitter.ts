/**
 * Finds the frames of one audio codec in PES payloads; a frame may continue in the next one.
 * In: PES payloads. Out: frames, the first one that begins in a PES with its time. ISO/IEC 13818-1, 2.4.3.7
 * (PTS of audio).
 */
import type { AudioFraming, AudioUnit } from './audio-framing.ts';

const NOTHING = new Uint8Array(0);
/** Longer than any header. */
const PROBE_BYTES = 128;

/** Receives audio frames. */
interface AudioSink {
  /**
   * One frame.
   *
   * @param data without the header before it; shares memory with the PES
   * @param pts 33 bits, if the PES has it for this frame
   */
  frame(unit: AudioUnit, data: Uint8Array, pts: number | undefined): void;
  damage(reason: string): void;
}

/** Splits the payloads of one PID. */
export class AudioSplitter {
  readonly #framing: AudioFraming;
  readonly #sink: AudioSink;
  /** The beginning of a frame that continues in the next PES, and its time. At most as long as a frame. */
  #partial: Uint8Array = NOTHING;
  #partialPts: number | undefined;

  constructor(framing: AudioFraming, sink: AudioSink) {
    this.#framing = framing;
    this.#sink = sink;
  }

  /** A PES payload `bytes[from, to)` and the time of the first frame that begins in it. */
  push(bytes: Uint8Array, from: number, to: number, pts: number | undefined): void {
    const { firstByte } = this.#framing;
    let at = this.#partial.length > 0 ? this.#join(bytes, from, to) : from;
    let time = pts;
    let lost = false;
    let unit = at < to ? this.#framing.parse(bytes, at, to) : undefined;
    while (at < to) {
      if (unit === 'short') break;
      const next: number = at + (unit?.frameBytes ?? 0);
      // A mere sync word may also occur inside a frame: another frame, or the end, has to follow.
      const following = unit && next < to ? this.#framing.parse(bytes, next, to) : undefined;
      if (!unit || (next < to && following === undefined)) {
        lost = true;
        const distance = bytes.subarray(at + 1, to).indexOf(firstByte);
        at = distance < 0 ? to : at + 1 + distance;
        unit = at < to ? this.#framing.parse(bytes, at, to) : undefined;
        continue;
      }
      if (next > to) break;
      this.#sink.frame(unit, bytes.subarray(at + unit.headerBytes, next), time);
      time = undefined;
      at = next;
      unit = following;
    }
    if (lost) this.#sink.damage(`bytes between ${this.#framing.name} frames`);
    if (at >= to) return;
    this.#partial = bytes.slice(at, to);
    this.#partialPts = time;
  }

  /** Drops an incomplete frame. */
  reset(): void {
    this.#partial = NOTHING;
  }

  /** Completes the frame that began in a previous PES; returns the offset of the next one. */
  #join(bytes: Uint8Array, from: number, to: number): number {
    const head = this.#partial;
    const probe = joined(head, bytes, from, Math.min(to, from + PROBE_BYTES));
    const unit = this.#framing.parse(probe, 0, probe.length);
    const isShort = unit === 'short' && to - from <= PROBE_BYTES;
    const next = unit && unit !== 'short' ? from + unit.frameBytes - head.length : from;
    if (isShort || next > to) {
      this.#partial = joined(head, bytes, from, to);
      return to;
    }
    this.#partial = NOTHING;
    if (!unit || unit === 'short' || next < from || !this.#followed(bytes, next, to)) {
      this.#sink.damage(`an ${this.#framing.name} frame across two PES packets is broken`);
      return from;
    }
    const frame = joined(head, bytes, from, next);
    this.#sink.frame(unit, frame.subarray(unit.headerBytes), this.#partialPts);
    return next;
  }

  /** Whether another frame, or the end, is at `at`: a mere sync word may also occur inside a frame. */
  #followed(bytes: Uint8Array, at: number, to: number): boolean {
    return at >= to || this.#framing.parse(bytes, at, to) !== undefined;
  }
}

function joined(head: Uint8Array, bytes: Uint8Array, from: number, to: number): Uint8Array {
  const whole = new Uint8Array(head.length + to - from);
  whole.set(head);
  whole.set(bytes.subarray(from, to), head.length);
  return whole;
}
