/**
 * AAC-LC encoder for live audio and for the tone of the test picture.
 * In: blocks of 1,024 samples with their times. Out: raw access units with the times of the samples that they decode to; the priming
 * of the encoder is removed. Native code: child processes only.
 */
import {
  AV_CHANNEL_ORDER_NATIVE,
  AV_CODEC_FLAG_GLOBAL_HEADER,
  AV_SAMPLE_FMT_FLTP,
  FF_ENCODER_AAC,
} from 'node-av/constants';
import { Codec, CodecContext, Frame, Packet, Rational } from 'node-av/lib';
import { AAC_FRAME_SAMPLES, type AudioTranscodeTrack } from '../audio-transcoder-options.ts';
import { must } from './native.ts';

/** Speakers by the number of channels, as a mask of FFmpeg: centre; left and right. */
const MASKS = { 1: 4n, 2: 3n } as const;

/** Receives an access unit; `data` is good only until it returns. */
export type DeliverAac = (pts: number, data: Uint8Array) => void;

/** One encoder, from its first block to `finish`. */
export class AacEncoder implements Disposable {
  readonly #context = new CodecContext();
  readonly #frame = new Frame();
  readonly #packet = new Packet();
  readonly #deliver: DeliverAac;
  /** Times of the blocks that have not come out yet. */
  readonly #times: number[] = [];
  #blocks = 0;
  #delivered = 0;

  /** @param settings options of FFmpeg's encoder */
  constructor(
    { sampleRate, channels, bitRate }: Pick<AudioTranscodeTrack, 'sampleRate' | 'channels' | 'bitRate'>,
    deliver: DeliverAac,
    settings: Readonly<Record<string, string>> = {},
  ) {
    this.#deliver = deliver;
    const codec = Codec.findEncoderByName(FF_ENCODER_AAC);
    if (!codec) throw new Error('this FFmpeg has no AAC encoder');
    const layout = { nbChannels: channels, order: AV_CHANNEL_ORDER_NATIVE, mask: MASKS[channels] };
    const context = this.#context;
    context.allocContext3(codec);
    context.sampleRate = sampleRate;
    context.sampleFormat = AV_SAMPLE_FMT_FLTP;
    context.channelLayout = layout;
    context.timeBase = new Rational(1, sampleRate);
    context.bitRate = BigInt(bitRate);
    context.setFlags(AV_CODEC_FLAG_GLOBAL_HEADER);
    for (const [name, value] of Object.entries(settings)) must(context.setOption(name, value), `AAC option ${name}`);
    must(context.open2Sync(codec, null), 'opening the AAC encoder');
    const frame = this.#frame;
    frame.alloc();
    frame.format = AV_SAMPLE_FMT_FLTP;
    frame.nbSamples = AAC_FRAME_SAMPLES;
    frame.sampleRate = sampleRate;
    frame.channelLayout = layout;
    must(frame.getBuffer(1), 'allocating an audio frame');
    this.#packet.alloc();
  }

  /**
   * Encodes the next block.
   *
   * @param pts of its first sample
   * @param planes 1,024 samples of each channel, one channel after the other; copied
   */
  encode(pts: number, planes: Float32Array): void {
    const frame = this.#frame;
    must(frame.makeWritable(), 'a writable audio frame');
    must(frame.fromBuffer(Buffer.from(planes.buffer, planes.byteOffset, planes.byteLength)), 'copying samples');
    frame.pts = BigInt(this.#blocks * AAC_FRAME_SAMPLES);
    this.#blocks++;
    this.#times.push(pts);
    must(this.#context.sendFrameSync(frame), 'encoding audio');
    this.#receive();
  }

  /** Delivers what is left; the encoder cannot be used again. */
  finish(): void {
    must(this.#context.sendFrameSync(null), 'ending the audio');
    this.#receive();
  }

  [Symbol.dispose](): void {
    this.#packet.free();
    this.#frame.free();
    this.#context.freeContext();
  }

  /** Each packet has the time, counted in samples, of the block that it decodes to; before the first block that is the priming. */
  #receive(): void {
    const packet = this.#packet;
    while (this.#context.receivePacketSync(packet) >= 0) {
      const block = Number(packet.pts) / AAC_FRAME_SAMPLES;
      const { data } = packet;
      if (data && block === this.#delivered) {
        this.#delivered++;
        this.#deliver(this.#times.shift()!, data);
      }
      packet.unref();
    }
  }
}
