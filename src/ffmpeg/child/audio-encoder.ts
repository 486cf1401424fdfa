/**
 * AAC-LC encoder for the tone of the test picture.
 * In: frames of 1,024 samples, the same in both channels. Out: raw access units and the AudioSpecificConfig.
 * Native code: child processes only.
 */
import { printAacConfig } from '@oxbow/media/aac/config';
import type { AudioConfig } from '@oxbow/media/frame';
import { testTimescales } from '../test-picture-options.ts';
import { AacEncoder } from './audio/aac-encoder.ts';
import { AAC_SAMPLES } from './pacing.ts';

const sampleRate = testTimescales.audio;
const channels = 2;
/** For a sine and silence the other coding tools only cost time. */
const SETTINGS = { aac_coder: 'fast', aac_tns: '0', aac_ms: '0', aac_is: '0', aac_pns: '0' };

/** The configuration of the tone. */
export const toneConfig: AudioConfig = {
  codec: 'aac',
  codecs: 'mp4a.40.2',
  sampleRate,
  channels,
  record: printAacConfig({ objectType: 2, sampleRate, channelConfiguration: channels }),
};

/** One AAC encoder. */
export class AudioEncoder implements Disposable {
  readonly #encoder: AacEncoder;
  readonly #planes = new Float32Array(channels * AAC_SAMPLES);

  /**
   * @param bitRate bits per second
   * @param deliver receives each access unit with the number of the frame that it decodes to, two frames
   *   after that was encoded. The data is good only until it returns.
   */
  constructor(bitRate: number, deliver: (number: number, data: Uint8Array) => void) {
    this.#encoder = new AacEncoder({ sampleRate, channels, bitRate }, deliver, SETTINGS);
  }

  /** Buffer for the next 1,024 samples of both channels, -1 to 1. */
  get samples(): Float32Array {
    return this.#planes.subarray(0, AAC_SAMPLES);
  }

  /**
   * Encodes the content of `samples`.
   *
   * @param number of the AAC frame on the grid of 1,024 samples since 1970, increasing
   */
  encode(number: number): void {
    this.#planes.copyWithin(AAC_SAMPLES, 0, AAC_SAMPLES);
    this.#encoder.encode(number, this.#planes);
  }

  /** Frees the encoder. */
  [Symbol.dispose](): void {
    this.#encoder[Symbol.dispose]();
  }
}
