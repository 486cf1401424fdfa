/**
 * Encodes one rung of a ladder. Rate control counts pictures, so that a variable frame rate has no effect on
 * it; times bypass it.
 * In: pictures in presentation order, some of them as key frames. Out: samples in decode order with their
 * times. Native code: child processes only.
 */

import type { VideoConfig } from '@oxbow/media/frame';
import {
  AV_CODEC_FLAG_CLOSED_GOP,
  AV_CODEC_FLAG_GLOBAL_HEADER,
  AV_CODEC_FLAG_PASS1,
  AV_CODEC_FLAG_PASS2,
  AV_PICTURE_TYPE_I,
  AV_PICTURE_TYPE_NONE,
  AV_PIX_FMT_NV12,
  AV_PIX_FMT_YUV420P,
  AV_PKT_FLAG_KEY,
  AVCOL_PRI_BT709,
  AVCOL_PRI_SMPTE170M,
  AVCOL_RANGE_MPEG,
  AVCOL_SPC_BT709,
  AVCOL_SPC_SMPTE170M,
  AVCOL_TRC_BT709,
  AVCOL_TRC_SMPTE170M,
  AVERROR_EAGAIN,
} from 'node-av/constants';
import { Codec, CodecContext, CodecParameters, Packet, type Frame as Picture, Rational } from 'node-av/lib';
import { isEmulated } from '../../encoders/emulated-devices.ts';
import type { LadderPicture, LadderVideoRendition } from '../../ladder-options.ts';
import { must } from '../native.ts';
import { EmulatedSession } from './emulated-session.ts';
import { type EncoderPass, hardwareSettings, softwareEncoders, softwareSettings } from './encoder-settings.ts';
import { SampleFormat } from './sample-format.ts';
import { DeviceUpload, pixelFormatOf } from './upload.ts';

export interface EncodedRungPicture {
  readonly pts: number;
  readonly key: boolean;
  /** As in `media/frame`; may be kept. */
  readonly data: Uint8Array;
}

/** Options of {@link RungEncoder}. */
interface RungEncoderOptions {
  readonly rung: LadderVideoRendition;
  readonly matrix: LadderPicture['matrix'];
  readonly threads: number;
  /** Of two; absent: the only one. */
  readonly pass?: EncoderPass | undefined;
  readonly deliver: (picture: EncodedRungPicture) => void;
}

/** Never reached: key frames are forced. */
const NO_GOP = 1_000_000;
/**
 * A device that keeps more pictures than any encoder looks ahead, the oldest for longer than this, returns
 * nothing any more.
 */
const SILENT = { live: { pictures: 4, ms: 2000 }, file: { pictures: 64, ms: 3000 } } as const;

export class RungEncoder implements Disposable {
  readonly #context: CodecContext;
  readonly #packet = new Packet();
  readonly #format: SampleFormat;
  readonly #options: RungEncoderOptions;
  /** Times by picture number of those inside the encoder. */
  readonly #times = new Map<number, { readonly pts: number; readonly atMs: number }>();
  readonly #emulated: EmulatedSession | undefined;
  readonly #upload: DeviceUpload | undefined;
  #count = 0;
  #config: VideoConfig | undefined;

  /** @throws Error if the encoder cannot be opened */
  constructor(options: RungEncoderOptions) {
    this.#options = options;
    this.#format = new SampleFormat(options.rung.codec);
    const { rung } = options;
    this.#emulated = isEmulated(rung.hardware) ? new EmulatedSession(rung.device ?? '') : undefined;
    const context = describeEncoder(options);
    this.#upload = rung.hardware?.endsWith('_vaapi') ? new DeviceUpload(context, rung.device) : undefined;
    this.#context = openEncoder(context, options);
    this.#packet.alloc();
  }

  /** Known after the first picture came out. */
  get config(): VideoConfig | undefined {
    return this.#config;
  }

  /** Of its stream, to decode what it makes; the caller frees them. */
  parameters(): CodecParameters {
    const parameters = new CodecParameters();
    parameters.alloc();
    must(parameters.fromContext(this.#context), `describing ${this.#options.rung.id}`);
    return parameters;
  }

  /** Pictures that went in and have not come out. */
  get inside(): number {
    return this.#times.size;
  }

  /** @throws Error if encoding fails, or the device returns nothing for seconds */
  encode(source: Picture, pts: number, key: boolean): void {
    const picture = this.#upload?.upload(source) ?? source;
    const number = this.#count++;
    this.#times.set(number, { pts, atMs: performance.now() });
    if (this.#emulated?.enter() === false) {
      this.#watch();
      return;
    }
    picture.pts = BigInt(number);
    picture.duration = 1n;
    picture.pictType = key ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
    let sent = this.#context.sendFrameSync(picture);
    while (sent === AVERROR_EAGAIN) {
      this.#drain();
      sent = this.#context.sendFrameSync(picture);
    }
    must(sent, `encoding ${this.#options.rung.id}`);
    this.#drain();
    this.#watch();
  }

  /**
   * Delivers the rest; the encoder can then only be disposed.
   *
   * @throws Error if the device keeps pictures
   */
  finish(): void {
    const { id, hardware } = this.#options.rung;
    must(this.#context.sendFrameSync(null), `ending ${id}`);
    this.#drain();
    if (hardware !== undefined && this.#times.size > 0) {
      throw new Error(`encoding ${id}: ${this.#times.size} pictures never came out`);
    }
  }

  [Symbol.dispose](): void {
    this.#packet.free();
    this.#context.freeContext();
    this.#upload?.[Symbol.dispose]();
    this.#emulated?.[Symbol.dispose]();
  }

  /** @throws Error if the device takes pictures and returns none */
  #watch(): void {
    const { hardware, isLive, id } = this.#options.rung;
    if (hardware === undefined) return;
    const { pictures, ms } = isLive ? SILENT.live : SILENT.file;
    if (this.#times.size <= pictures) return;
    const [oldest] = this.#times.values();
    if (performance.now() - oldest!.atMs > ms) throw new Error(`encoding ${id}: nothing came out for ${ms / 1000} s`);
  }

  #drain(): void {
    const packet = this.#packet;
    while (this.#context.receivePacketSync(packet) >= 0) {
      const bytes = packet.data ?? new Uint8Array();
      this.#config ??= this.#configOf(bytes);
      const number = Number(packet.pts);
      const entered = this.#times.get(number);
      if (!entered) throw new Error(`${this.#options.rung.id}: picture ${number} came out and never entered`);
      this.#times.delete(number);
      const key = (packet.flags & AV_PKT_FLAG_KEY) !== 0;
      this.#options.deliver({ pts: entered.pts, key, data: this.#format.sample(bytes) });
      packet.unref();
    }
  }

  #configOf(first: Uint8Array): VideoConfig {
    const { num, den } = this.#options.rung.frameRate;
    const extraData = new Uint8Array(this.#context.extraData ?? []);
    return { ...this.#format.config(extraData, first), frameRate: num / den };
  }
}

/** Whether a device encodes the rung; an emulated one is software. */
const isOnDevice = ({ hardware }: LadderVideoRendition): boolean => hardware !== undefined && !isEmulated(hardware);

function encoderOf(rung: LadderVideoRendition): Codec {
  const name = isOnDevice(rung) ? rung.hardware : softwareEncoders[rung.codec];
  const codec = Codec.findEncoderByName(name as Parameters<typeof Codec.findEncoderByName>[0]);
  if (!codec) throw new Error(`this FFmpeg has no encoder ${name}`);
  return codec;
}

function describeEncoder({ rung, matrix, threads, pass }: RungEncoderOptions): CodecContext {
  const context = new CodecContext();
  context.allocContext3(encoderOf(rung));
  const { num, den } = rung.frameRate;
  context.width = rung.width;
  context.height = rung.height;
  context.pixelFormat = pixelFormatOf(rung) === 'nv12' ? AV_PIX_FMT_NV12 : AV_PIX_FMT_YUV420P;
  context.sampleAspectRatio = new Rational(1, 1);
  context.timeBase = new Rational(den, num);
  context.framerate = new Rational(num, den);
  context.gopSize = NO_GOP;
  context.maxBFrames = rung.bFrames;
  context.threadCount = threads;
  // libvpx has no other cap for constant quality.
  if (rung.codec === 'vp9' || isOnDevice(rung)) context.bitRate = BigInt(rung.maxRate);
  if (pass?.number !== 1) {
    if (rung.bitRate !== undefined) context.bitRate = BigInt(rung.bitRate);
    context.rcMaxRate = BigInt(rung.maxRate);
    context.rcBufferSize = rung.bufferSize;
  }
  const is709 = matrix === 'bt709';
  context.colorSpace = is709 ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
  context.colorPrimaries = is709 ? AVCOL_PRI_BT709 : AVCOL_PRI_SMPTE170M;
  context.colorTrc = is709 ? AVCOL_TRC_BT709 : AVCOL_TRC_SMPTE170M;
  context.colorRange = AVCOL_RANGE_MPEG;
  context.setFlags(AV_CODEC_FLAG_GLOBAL_HEADER, AV_CODEC_FLAG_CLOSED_GOP);
  if (pass) context.setFlags(pass.number === 1 ? AV_CODEC_FLAG_PASS1 : AV_CODEC_FLAG_PASS2);
  return context;
}

function openEncoder(context: CodecContext, { rung, threads, pass }: RungEncoderOptions): CodecContext {
  const codec = encoderOf(rung);
  const { name } = codec;
  // Set as options: open2 frees a dictionary twice.
  if (isOnDevice(rung)) {
    for (const [key, value] of Object.entries(hardwareSettings(rung))) context.setOption(key, value);
  } else {
    // Other parameter sets than those of the software encoder, as a device has.
    const described = isEmulated(rung.hardware) ? { ...rung, effort: 'fastest' as const } : rung;
    for (const [key, value] of Object.entries(softwareSettings(described, threads, pass))) {
      must(context.setOption(key, value), `${name} option ${key}`);
    }
  }
  must(context.open2Sync(codec, null), `opening ${name}`);
  return context;
}
