/**
 * Opus encoder for converted audio and for the qualities of assets.
 * In: blocks of 960 samples with their times. Out: packets with the times of their blocks. Native code: child
 * processes only. RFC 6716.
 */
import { AV_SAMPLE_FMT_FLT, FF_ENCODER_LIBOPUS } from 'node-av/constants';
import { BlockEncoder } from './block-encoder.ts';

/** Samples of a block: 20 ms at 48 kHz. */
export const OPUS_FRAME_SAMPLES = 960;
/** Samples by which decoded Opus comes later than its input (RFC 6716; libopus at 48 kHz). */
export const OPUS_DELAY = 312;

/** The options of an encoder. */
interface OpusFormat {
  /** Hz, one of those of Opus. */
  readonly sampleRate: number;
  readonly channels: 1 | 2;
  /** Bits per second. */
  readonly bitRate: number;
}

/** One libopus, from its first block to `finish`. */
export class OpusEncoder implements Disposable {
  readonly #encoder: BlockEncoder;
  readonly #mixed: Float32Array;
  readonly #channels: number;
  readonly #times: number[] = [];

  /** @param deliver receives each packet; `data` is good only until it returns */
  constructor(format: OpusFormat, deliver: (pts: number, data: Uint8Array) => void) {
    this.#channels = format.channels;
    this.#mixed = new Float32Array(OPUS_FRAME_SAMPLES * format.channels);
    const options = { encoder: FF_ENCODER_LIBOPUS, format: AV_SAMPLE_FMT_FLT, samples: OPUS_FRAME_SAMPLES };
    // Packets come in the order of the blocks; a last one of padding has no block.
    this.#encoder = new BlockEncoder({ ...format, ...options }, ({ data }) => {
      const pts = this.#times.shift();
      if (data && pts !== undefined) deliver(pts, data);
    });
  }

  /**
   * Encodes the next block.
   *
   * @param pts of its first sample
   * @param planes 960 samples of each channel, one channel after the other; copied
   */
  encode(pts: number, planes: Float32Array): void {
    const channels = this.#channels;
    for (let channel = 0; channel < channels; channel++) {
      const from = channel * OPUS_FRAME_SAMPLES;
      for (let i = 0; i < OPUS_FRAME_SAMPLES; i++) this.#mixed[i * channels + channel] = planes[from + i]!;
    }
    this.#times.push(pts);
    this.#encoder.encode(this.#mixed);
  }

  /** Delivers the rest; the encoder cannot be used again. */
  finish(): void {
    this.#encoder.finish();
  }

  [Symbol.dispose](): void {
    this.#encoder[Symbol.dispose]();
  }
}
