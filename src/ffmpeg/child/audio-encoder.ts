/**
 * AAC-LC encoder for the tone of the test picture.
 * In: frames of 1,024 samples, the same in both channels. Out: raw access units and the AudioSpecificConfig. Native code: child processes only.
 */
import {
  AV_CHANNEL_ORDER_NATIVE,
  AV_CODEC_FLAG_GLOBAL_HEADER,
  AV_SAMPLE_FMT_FLTP,
  FF_ENCODER_AAC,
} from 'node-av/constants';
import { Codec, CodecContext, Frame, Packet, Rational } from 'node-av/lib';
import type { AudioConfig } from '../../media/frame.ts';
import { testTimescales } from '../test-picture-options.ts';
import { must } from './native.ts';
import { AAC_SAMPLES } from './pacing.ts';

const STEREO = { nbChannels: 2, order: AV_CHANNEL_ORDER_NATIVE, mask: 3n };

/** One AAC encoder. */
export class AudioEncoder {
  readonly config: AudioConfig;
  readonly #context = new CodecContext();
  readonly #frame = new Frame();
  readonly #packet = new Packet();
  readonly #planes = new Float32Array(2 * AAC_SAMPLES);
  #previous: number | undefined;

  /**
   * @param bitRate bits per second
   */
  constructor(bitRate: number) {
    const codec = Codec.findEncoderByName(FF_ENCODER_AAC);
    if (!codec) throw new Error('this FFmpeg has no AAC encoder');
    const context = this.#context;
    context.allocContext3(codec);
    context.sampleRate = testTimescales.audio;
    context.sampleFormat = AV_SAMPLE_FMT_FLTP;
    context.channelLayout = STEREO;
    context.timeBase = new Rational(1, testTimescales.audio);
    context.bitRate = BigInt(bitRate);
    context.setFlags(AV_CODEC_FLAG_GLOBAL_HEADER);
    // For a sine and silence the other coding tools only cost time.
    const settings = { aac_coder: 'fast', aac_tns: '0', aac_ms: '0', aac_is: '0', aac_pns: '0' };
    for (const [name, value] of Object.entries(settings)) must(context.setOption(name, value), `AAC option ${name}`);
    must(context.open2Sync(codec, null), 'opening the AAC encoder');
    const record = new Uint8Array(context.extraData ?? []);
    if (record.length < 2) throw new Error('the AAC encoder returned no AudioSpecificConfig');
    this.config = { codec: 'aac', record, codecs: 'mp4a.40.2', sampleRate: testTimescales.audio, channels: 2 };
    this.#frame.alloc();
    this.#frame.format = AV_SAMPLE_FMT_FLTP;
    this.#frame.nbSamples = AAC_SAMPLES;
    this.#frame.sampleRate = testTimescales.audio;
    this.#frame.channelLayout = STEREO;
    must(this.#frame.getBuffer(1), 'allocating an audio frame');
    this.#packet.alloc();
  }

  /** Buffer for the next 1,024 samples of both channels, -1 to 1. */
  get samples(): Float32Array {
    return this.#planes.subarray(0, AAC_SAMPLES);
  }

  /**
   * Encodes the content of `samples`.
   *
   * @param number of the AAC frame on the grid of 1,024 samples since 1970, increasing
   * @param deliver called with the access unit that decodes to the frame encoded before this one (the transform reaches one
   *   frame back), and that frame's number. The data is good only until it returns.
   */
  encode(number: number, deliver: (number: number, data: Uint8Array) => void): void {
    this.#planes.copyWithin(AAC_SAMPLES, 0, AAC_SAMPLES);
    const frame = this.#frame;
    must(frame.makeWritable(), 'a writable audio frame');
    must(frame.fromBuffer(Buffer.from(this.#planes.buffer)), 'copying samples');
    frame.pts = BigInt(number) * BigInt(AAC_SAMPLES);
    must(this.#context.sendFrameSync(frame), 'encoding audio');
    while (this.#context.receivePacketSync(this.#packet) >= 0) {
      const data = this.#packet.data;
      if (data && this.#previous !== undefined) deliver(this.#previous, data);
      this.#packet.unref();
    }
    this.#previous = number;
  }
}
