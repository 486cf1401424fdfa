/**
 * Decodes the packets of one video stream. Damaged packets are counted, not fatal: the decoder conceals what
 * it can.
 * In: packets in decode order. Out: pictures in presentation order, with times in ticks of the packets.
 * Native code: child processes only.
 */
import { AV_NOPTS_VALUE, AVERROR_EAGAIN } from 'node-av/constants';
import { Codec, CodecContext, type CodecParameters, type Packet, Frame as Picture, Rational } from 'node-av/lib';
import { ladderLimits } from '../../ladder-options.ts';
import { must } from '../native.ts';

/** Options of {@link VideoDecoder}. */
interface VideoDecoderOptions {
  readonly parameters: CodecParameters;
  /** Of the packets. */
  readonly timeBase: { readonly num: number; readonly den: number };
  readonly threads: number;
  /** Receives each picture; it is valid until the callback returns. */
  readonly deliver: (picture: Picture, pts: number) => void;
}

export class VideoDecoder implements Disposable {
  readonly #context = new CodecContext();
  readonly #picture = new Picture();
  readonly #deliver: VideoDecoderOptions['deliver'];
  #damaged = 0;

  constructor({ parameters, timeBase, threads, deliver }: VideoDecoderOptions) {
    this.#deliver = deliver;
    const codec = Codec.findDecoder(parameters.codecId);
    if (!codec) throw new Error('this FFmpeg cannot decode the video');
    const context = this.#context;
    context.allocContext3(codec);
    must(context.parametersToContext(parameters), 'describing the video');
    context.pktTimebase = new Rational(timeBase.num, timeBase.den);
    context.threadCount = threads;
    must(context.setOption('max_pixels', String(ladderLimits.maxPixels)), 'limiting the size');
    must(context.open2Sync(codec, null), 'opening the video decoder');
    this.#picture.alloc();
  }

  /** Packets that could not be decoded. */
  get damaged(): number {
    return this.#damaged;
  }

  /** Takes the next packet; undefined at the end of the media, after which it can only be disposed. */
  push(packet: Packet | undefined): void {
    for (;;) {
      const sent = this.#context.sendPacketSync(packet ?? null);
      this.#drain();
      if (sent === AVERROR_EAGAIN) continue; // Nothing was taken: it had to be drained first.
      if (sent < 0 && packet) this.#damaged++;
      return;
    }
  }

  [Symbol.dispose](): void {
    this.#picture.free();
    this.#context.freeContext();
  }

  #drain(): void {
    const picture = this.#picture;
    for (;;) {
      const got = this.#context.receiveFrameSync(picture);
      if (got < 0) return;
      const pts = picture.bestEffortTimestamp;
      if (pts !== AV_NOPTS_VALUE) this.#deliver(picture, Number(pts));
      picture.unref();
    }
  }
}
