/**
 * Decodes pictures and re-encodes those of a time range as one GOP without reordering: same size, aspect
 * ratio and colours, at a visually lossless quality.
 * In: frames in decode order. Out: a configuration, frames in decode order. Native code: child processes
 * only.
 */

import type { Frame, VideoConfig, VideoTrack } from '@oxbow/media/frame';
import { findNals, NalList, toSample } from '@oxbow/media/h264/annexb';
import { h264Config } from '@oxbow/media/h264/avcc';
import { hevcConfig } from '@oxbow/media/hevc/hvcc';
import {
  AV_CODEC_FLAG_GLOBAL_HEADER,
  AV_CODEC_FLAG_INTERLACED_DCT,
  AV_CODEC_ID_H264,
  AV_CODEC_ID_HEVC,
  AV_FRAME_FLAG_INTERLACED,
  AV_PICTURE_TYPE_I,
  AV_PICTURE_TYPE_NONE,
  AV_PKT_FLAG_KEY,
  type AVPixelFormat,
  FF_ENCODER_LIBX264,
  FF_ENCODER_LIBX265,
} from 'node-av/constants';
import { Codec, CodecContext, Packet, Frame as Picture, Rational } from 'node-av/lib';
import type { RecodeOptions } from '../recode-options.ts';
import { must } from './native.ts';

/** Slightly above 8K; larger pictures are refused before they are decoded. */
const MAX_PIXELS = 8192 * 4608;
const CODECS = { h264: AV_CODEC_ID_H264, hevc: AV_CODEC_ID_HEVC } as const;
/** Names in x264 of H.264 profiles by number (ITU-T H.264, A.2). */
const H264_PROFILES: Readonly<Record<number, string>> = { 66: 'baseline', 77: 'main', 100: 'high', 110: 'high10' };

/** Result of {@link recodePictures}. */
interface RecodedPictures {
  readonly track: VideoTrack;
  readonly frames: readonly Frame[];
}

/**
 * @param frames in decode order, from a key frame
 * @throws Error if decoding or encoding fails, or some pictures of the range are missing
 */
export function recodePictures(options: RecodeOptions, frames: readonly Frame[]): RecodedPictures {
  const { track, fromPts, toPts, delay } = options;
  const wanted = frames.map(({ pts }) => pts).filter((pts) => pts >= fromPts && pts < toPts);
  const times = wanted.sort((a, b) => a - b);
  let encoder: Encoder | undefined;
  const packets: { data: Uint8Array; key: boolean; number: number }[] = [];
  let next = 0;
  decode(track, frames, (picture) => {
    const pts = Number(picture.pts);
    if (pts !== times[next]) return;
    encoder ??= new Encoder(track, picture, frameRateOf(track, times));
    encoder.encode(picture, next++, (packet) => packets.push(packet));
  });
  encoder?.finish((packet) => packets.push(packet));
  if (!encoder || packets.length !== times.length) {
    throw new Error(`${packets.length} of ${times.length} pictures were encoded`);
  }
  const lastGap = times.length > 1 ? times.at(-1)! - times.at(-2)! : (frames[0]?.duration ?? 1);
  const made = packets.map(({ data, key, number }): Frame => {
    const pts = times[number]!;
    const duration = (times[number + 1] ?? pts + lastGap) - pts;
    return { trackId: track.id, dts: pts - delay, pts, duration, key, data };
  });
  return { track: { ...track, config: encoder.config }, frames: made };
}

/** Pictures per second, for the rate control of the encoder. */
function frameRateOf({ timescale }: VideoTrack, times: readonly number[]): Rational {
  const span = times.at(-1)! - times[0]!;
  if (times.length < 2 || span <= 0) return new Rational(25, 1);
  const perSecond = ((times.length - 1) * timescale) / span;
  return new Rational(Math.max(1, Math.round(perSecond * 1000)), 1000);
}

function decode({ config }: VideoTrack, frames: readonly Frame[], deliver: (picture: Picture) => void): void {
  const codec = config.codec === 'h264' || config.codec === 'hevc' ? Codec.findDecoder(CODECS[config.codec]) : null;
  if (!codec) throw new Error(`${config.codec} cannot be re-encoded`);
  using decoder = new CodecContext();
  decoder.allocContext3(codec);
  decoder.extraData = Buffer.from(config.record);
  decoder.threadCount = 1;
  must(decoder.setOption('max_pixels', String(MAX_PIXELS)), 'limiting the size');
  must(decoder.open2Sync(codec, null), 'opening the decoder');
  using packet = new Packet();
  packet.alloc();
  using picture = new Picture();
  picture.alloc();
  const drain = () => {
    while (decoder.receiveFrameSync(picture) >= 0) {
      deliver(picture);
      picture.unref();
    }
  };
  for (const frame of frames) {
    packet.data = Buffer.from(frame.data);
    packet.pts = BigInt(frame.pts);
    packet.dts = BigInt(frame.dts);
    if (frame.key) packet.isKeyframe = true;
    // The number of encoded pictures reveals packets that could not be decoded.
    if (decoder.sendPacketSync(packet) >= 0) drain();
    packet.unref();
  }
  decoder.sendPacketSync(null);
  drain();
}

type Deliver = (packet: { data: Uint8Array; key: boolean; number: number }) => void;

/** One x264 or x265. */
class Encoder {
  readonly config: VideoConfig;
  readonly #context = new CodecContext();
  readonly #packet = new Packet();
  readonly #nals = new NalList();

  /** @param like a decoded picture: size, form and colours are those of it */
  constructor({ config }: VideoTrack, like: Picture, frameRate: Rational) {
    const isHevc = config.codec === 'hevc';
    const codec = Codec.findEncoderByName(isHevc ? FF_ENCODER_LIBX265 : FF_ENCODER_LIBX264);
    if (!codec) throw new Error(`this FFmpeg cannot encode ${config.codec}`);
    const context = this.#context;
    context.allocContext3(codec);
    context.width = like.width;
    context.height = like.height;
    context.pixelFormat = like.format as AVPixelFormat;
    context.sampleAspectRatio = like.sampleAspectRatio;
    // One tick is one picture: the rate control counts pictures, so a variable frame rate has no effect.
    context.timeBase = new Rational(frameRate.den, frameRate.num);
    context.framerate = frameRate;
    context.gopSize = 100_000;
    context.maxBFrames = 0;
    context.threadCount = 1;
    context.colorRange = like.colorRange;
    context.colorPrimaries = like.colorPrimaries;
    context.colorTrc = like.colorTrc;
    context.colorSpace = like.colorSpace;
    context.setFlags(AV_CODEC_FLAG_GLOBAL_HEADER);
    if (!isHevc && like.hasFlags(AV_FRAME_FLAG_INTERLACED)) context.setFlags(AV_CODEC_FLAG_INTERLACED_DCT);
    for (const [name, value] of Object.entries(settingsFor(config))) {
      must(context.setOption(name, value), `encoder option ${name}`);
    }
    must(context.open2Sync(codec, null), `opening the encoder for ${config.codec}`);
    this.#packet.alloc();
    this.config = this.#configOf(isHevc, new Uint8Array(context.extraData ?? []));
  }

  encode(picture: Picture, number: number, deliver: Deliver): void {
    picture.pts = BigInt(number);
    picture.pictType = number === 0 ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
    must(this.#context.sendFrameSync(picture), 'encoding a picture');
    this.#drain(deliver);
  }

  finish(deliver: Deliver): void {
    this.#context.sendFrameSync(null);
    this.#drain(deliver);
    this.#packet.free();
    this.#context.freeContext();
  }

  #drain(deliver: Deliver): void {
    const packet = this.#packet;
    while (this.#context.receivePacketSync(packet) >= 0) {
      const bytes = new Uint8Array(packet.data ?? []);
      findNals(bytes, 0, bytes.length, this.#nals);
      const data = toSample(bytes, 0, this.#nals);
      deliver({ data, key: (packet.flags & AV_PKT_FLAG_KEY) !== 0, number: Number(packet.pts) });
      packet.unref();
    }
  }

  /** Parameter sets come in Annex B. */
  #configOf(isHevc: boolean, sets: Uint8Array): VideoConfig {
    findNals(sets, 0, sets.length, this.#nals);
    const byType = new Map<number, Uint8Array[]>();
    for (let i = 0; i < this.#nals.count; i++) {
      const nal = sets.slice(this.#nals.starts[i]!, this.#nals.ends[i]!);
      const type = isHevc ? (nal[0]! >> 1) & 0x3f : nal[0]! & 0x1f;
      byType.set(type, [...(byType.get(type) ?? []), nal]);
    }
    const of = (type: number) => byType.get(type) ?? [];
    return isHevc ? hevcConfig({ vps: of(32), sps: of(33), pps: of(34) }) : h264Config(of(7), of(8));
  }
}

function settingsFor({ codec, record }: VideoConfig): Record<string, string> {
  if (codec === 'hevc') {
    return {
      preset: 'fast',
      crf: '14',
      'forced-idr': '1',
      'x265-params': 'log-level=none:info=0:repeat-headers=0:scenecut=0:open-gop=0',
    };
  }
  const profile = H264_PROFILES[record[1] ?? 0];
  return { preset: 'fast', crf: '14', 'forced-idr': '1', 'x264-params': 'scenecut=0', ...(profile && { profile }) };
}
