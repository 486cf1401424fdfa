/**
 * An audio encoder of FFmpeg that takes blocks of one length.
 * In: samples in the format of the encoder. Out: its packets. Native code: child processes only.
 */
import { AV_CHANNEL_ORDER_NATIVE, type AVSampleFormat, type FFEncoderCodec } from 'node-av/constants';
import { Codec, CodecContext, Frame, Packet, Rational } from 'node-av/lib';
import { must } from '../native.ts';

/** Speakers by the number of channels, as a mask of FFmpeg: centre; left and right. */
const MASKS = { 1: 4n, 2: 3n } as const;

interface BlockEncoderOptions {
  readonly encoder: FFEncoderCodec;
  readonly format: AVSampleFormat;
  /** Samples of a block. */
  readonly samples: number;
  readonly sampleRate: number;
  readonly channels: 1 | 2;
  /** Bits per second. */
  readonly bitRate: number;
  /** Changes the context before it is opened. */
  readonly prepare?: (context: CodecContext) => void;
}

/** One encoder, from its first block to `finish`. */
export class BlockEncoder implements Disposable {
  readonly #context = new CodecContext();
  readonly #frame = new Frame();
  readonly #packet = new Packet();
  readonly #samples: number;
  readonly #take: (packet: Packet) => void;
  #blocks = 0;

  /** @param take receives each packet; it is good only until it returns. Its time counts samples */
  constructor(options: BlockEncoderOptions, take: (packet: Packet) => void) {
    const { encoder, format, samples, sampleRate, channels, bitRate } = options;
    this.#take = take;
    this.#samples = samples;
    const codec = Codec.findEncoderByName(encoder);
    if (!codec) throw new Error(`this FFmpeg has no encoder ${encoder}`);
    const layout = { nbChannels: channels, order: AV_CHANNEL_ORDER_NATIVE, mask: MASKS[channels] };
    const context = this.#context;
    context.allocContext3(codec);
    context.sampleRate = sampleRate;
    context.sampleFormat = format;
    context.channelLayout = layout;
    context.timeBase = new Rational(1, sampleRate);
    context.bitRate = BigInt(bitRate);
    options.prepare?.(context);
    must(context.open2Sync(codec, null), `opening the encoder ${encoder}`);
    const frame = this.#frame;
    frame.alloc();
    frame.format = format;
    frame.nbSamples = samples;
    frame.sampleRate = sampleRate;
    frame.channelLayout = layout;
    must(frame.getBuffer(1), 'allocating an audio frame');
    this.#packet.alloc();
  }

  /** Encodes the next block, which is copied. */
  encode(block: Float32Array): void {
    const frame = this.#frame;
    must(frame.makeWritable(), 'a writable audio frame');
    must(frame.fromBuffer(Buffer.from(block.buffer, block.byteOffset, block.byteLength)), 'copying samples');
    frame.pts = BigInt(this.#blocks++ * this.#samples);
    must(this.#context.sendFrameSync(frame), 'encoding audio');
    this.#receive();
  }

  /** Takes the rest; the encoder cannot be used again. */
  finish(): void {
    must(this.#context.sendFrameSync(null), 'ending the audio');
    this.#receive();
  }

  [Symbol.dispose](): void {
    this.#packet.free();
    this.#frame.free();
    this.#context.freeContext();
  }

  #receive(): void {
    const packet = this.#packet;
    while (this.#context.receivePacketSync(packet) >= 0) {
      this.#take(packet);
      packet.unref();
    }
  }
}
