/**
 * H.264 encoder for the test picture: x264 without look-ahead, key frames on request.
 * In: YUV 4:2:0 planes. Out: length-prefixed access units, and the avcC. Native code: child processes only.
 */

import type { VideoConfig } from '@oxbow/media/frame';
import {
  AV_CODEC_FLAG_GLOBAL_HEADER,
  AV_PICTURE_TYPE_I,
  AV_PICTURE_TYPE_NONE,
  AV_PIX_FMT_YUV420P,
  AV_PKT_FLAG_KEY,
  AVCOL_PRI_BT709,
  AVCOL_RANGE_MPEG,
  AVCOL_SPC_BT709,
  AVCOL_TRC_BT709,
  FF_ENCODER_LIBX264,
} from 'node-av/constants';
import { Codec, CodecContext, Frame, Packet, Rational } from 'node-av/lib';
import type { TestPictureOptions } from '../test-picture-options.ts';
import { must } from './native.ts';

interface EncodedPicture {
  /** Number of this picture, and its number in decode order. */
  readonly pts: number;
  readonly dts: number;
  readonly key: boolean;
  /** Length-prefixed NAL units without parameter sets; a view that is valid until the callback returns. */
  readonly data: Uint8Array;
}

/** One x264. */
export class VideoEncoder implements Disposable {
  readonly config: VideoConfig;
  readonly #context = new CodecContext();
  readonly #frame = new Frame();
  readonly #packet = new Packet();

  constructor(options: TestPictureOptions) {
    const { width, height, frameRate, bFrames } = options;
    const codec = Codec.findEncoderByName(FF_ENCODER_LIBX264);
    if (!codec) throw new Error('this FFmpeg has no libx264');
    const context = this.#context;
    context.allocContext3(codec);
    context.width = width;
    context.height = height;
    context.pixelFormat = AV_PIX_FMT_YUV420P;
    // One tick is one picture: x264 counts frames, so skipped pictures have no effect.
    context.timeBase = new Rational(frameRate.den, frameRate.num);
    context.framerate = new Rational(frameRate.num, frameRate.den);
    context.bitRate = BigInt(options.videoBitRate);
    context.rcMaxRate = BigInt(options.videoBitRate);
    context.rcBufferSize = options.videoBitRate;
    context.qMin = 10; // Otherwise x264 refines a static picture endlessly.
    context.gopSize = Math.ceil((2 * options.keyframeIntervalS * frameRate.num) / frameRate.den);
    context.maxBFrames = bFrames;
    context.threadCount = 1;
    context.colorSpace = AVCOL_SPC_BT709;
    context.colorPrimaries = AVCOL_PRI_BT709;
    context.colorTrc = AVCOL_TRC_BT709;
    context.colorRange = AVCOL_RANGE_MPEG;
    context.setFlags(AV_CODEC_FLAG_GLOBAL_HEADER);
    // Set as options: open2 frees a dictionary twice.
    // Everything in the picture moves by whole pixels, so subpixel search (subme) is useless.
    const settings = {
      preset: 'superfast',
      tune: 'zerolatency',
      'forced-idr': '1',
      'x264-params': 'annexb=0:scenecut=0:b-adapt=0:weightp=0:subme=0',
    };
    for (const [name, value] of Object.entries(settings)) must(context.setOption(name, value), `x264 option ${name}`);
    must(context.open2Sync(codec, null), 'opening x264');
    const record = new Uint8Array(context.extraData ?? []);
    if (record[0] !== 1 || record.length < 7) throw new Error('x264 returned no avcC');
    this.config = {
      codec: 'h264',
      record,
      codecs: `avc1.${Buffer.from(record.subarray(1, 4)).toString('hex')}`,
      width,
      height,
      frameRate: frameRate.num / frameRate.den,
    };
    this.#frame.alloc();
    this.#frame.format = AV_PIX_FMT_YUV420P;
    this.#frame.width = width;
    this.#frame.height = height;
    must(this.#frame.getBuffer(1), 'allocating a picture');
    this.#packet.alloc();
  }

  /**
   * Encodes a picture.
   *
   * @param planes Y, U, V, packed; copied
   * @param number of the picture, increasing
   * @param deliver called for each sample that is ready; there may be none where there are B-frames
   */
  encode(planes: Uint8Array, number: number, key: boolean, deliver: (picture: EncodedPicture) => void): void {
    const frame = this.#frame;
    must(frame.makeWritable(), 'a writable picture');
    must(frame.fromBuffer(Buffer.from(planes.buffer, planes.byteOffset, planes.length)), 'copying a picture');
    frame.pts = BigInt(number);
    frame.pictType = key ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
    must(this.#context.sendFrameSync(frame), 'encoding a picture');
    while (this.#context.receivePacketSync(this.#packet) >= 0) {
      const packet = this.#packet;
      const data = packet.data;
      if (data) {
        deliver({
          pts: Number(packet.pts),
          dts: Number(packet.dts),
          key: (packet.flags & AV_PKT_FLAG_KEY) !== 0,
          data,
        });
      }
      packet.unref();
    }
  }

  /** Frees the encoder. */
  [Symbol.dispose](): void {
    this.#context.freeContext();
    this.#frame.free();
    this.#packet.free();
  }
}
