/**
 * AAC-LC encoder for live audio and for the tone of the test picture.
 * In: blocks of 1,024 samples with their times. Out: raw access units with the times of the samples that they
 * decode to; the priming of the encoder is removed. Native code: child processes only.
 */
import { AV_CODEC_FLAG_GLOBAL_HEADER, AV_SAMPLE_FMT_FLTP, FF_ENCODER_AAC } from 'node-av/constants';
import { AAC_FRAME_SAMPLES, type AudioTranscodeTrack } from '../../audio-transcoder-options.ts';
import { must } from '../native.ts';
import { BlockEncoder } from './block-encoder.ts';

/** Receives an access unit; `data` is good only until it returns. */
type DeliverAac = (pts: number, data: Uint8Array) => void;

/** One encoder, from its first block to `finish`. */
export class AacEncoder implements Disposable {
  readonly #encoder: BlockEncoder;
  /** Times of the blocks that have not come out yet. */
  readonly #times: number[] = [];

  /** @param settings options of FFmpeg's encoder */
  constructor(
    format: Pick<AudioTranscodeTrack, 'sampleRate' | 'channels' | 'bitRate'>,
    deliver: DeliverAac,
    settings: Readonly<Record<string, string>> = {},
  ) {
    const { sampleRate, channels, bitRate } = format;
    let delivered = 0;
    const options = {
      encoder: FF_ENCODER_AAC,
      format: AV_SAMPLE_FMT_FLTP,
      samples: AAC_FRAME_SAMPLES,
      sampleRate,
      channels,
      bitRate,
    };
    this.#encoder = new BlockEncoder(
      {
        ...options,
        prepare(context) {
          context.setFlags(AV_CODEC_FLAG_GLOBAL_HEADER);
          for (const [name, value] of Object.entries(settings)) {
            must(context.setOption(name, value), `AAC option ${name}`);
          }
        },
      },
      // Each packet has the time of the block that it decodes to; before the first block that is the priming.
      ({ pts, data }) => {
        if (!data || Number(pts) / AAC_FRAME_SAMPLES !== delivered) return;
        delivered++;
        deliver(this.#times.shift()!, data);
      },
    );
  }

  /**
   * Encodes the next block.
   *
   * @param pts of its first sample
   * @param planes 1,024 samples of each channel, one channel after the other; copied
   */
  encode(pts: number, planes: Float32Array): void {
    this.#times.push(pts);
    this.#encoder.encode(planes);
  }

  /** Delivers the rest; the encoder cannot be used again. */
  finish(): void {
    this.#encoder.finish();
  }

  [Symbol.dispose](): void {
    this.#encoder[Symbol.dispose]();
  }
}
