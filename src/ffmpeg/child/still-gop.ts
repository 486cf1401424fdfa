/**
 * Encodes one picture as a GOP that can be repeated: a key frame, and frames that copy it.
 * In: options, the bytes of the picture. Out: messages `tracks` and `frame`; times count frames. Native code:
 * child processes only.
 */

import { concatBytes } from '@oxbow/media/bytes';
import type { VideoConfig } from '@oxbow/media/frame';
import { findNals, NalList, toSample } from '@oxbow/media/h264/annexb';
import { parseAvcC } from '@oxbow/media/h264/avcc';
import { hevcConfig } from '@oxbow/media/hevc/hvcc';
import { HEVC_NAL, hevcNalType } from '@oxbow/media/hevc/nal';
import {
  AV_CODEC_FLAG_GLOBAL_HEADER,
  AV_PIX_FMT_YUV420P,
  AV_PKT_FLAG_KEY,
  AVCOL_PRI_BT709,
  AVCOL_RANGE_MPEG,
  AVCOL_SPC_BT709,
  AVCOL_TRC_BT709,
  FF_ENCODER_LIBX264,
  FF_ENCODER_LIBX265,
} from 'node-av/constants';
import { Codec, CodecContext, Packet, Rational } from 'node-av/lib';
import { printFrame, printTracks } from '../frame-protocol.ts';
import type { StillGopOptions } from '../still-gop-options.ts';
import { must } from './native.ts';
import { newFrame } from './still.ts';
import { drawStill } from './still-picture.ts';

/** Quantizers of the key frame: the first one that makes it small enough is taken. */
const QUANTIZERS = [22, 28, 34, 40] as const;
/**
 * Copies are quantized this much more coarsely that they do not refine the key frame: the picture does not
 * pulse.
 */
const COARSER = 11;
/**
 * A key frame every two seconds has at most this many bytes, so that live windows hold minutes of it in
 * memory.
 */
const MAX_KEY_BYTES = 96 * 1024;
/**
 * Id of the parameter sets of H.264, which the key frame repeats: players that ignore a change of EXT-X-MAP,
 * such as FFmpeg 5, decode the picture and, after it, the publisher, whose parameter sets usually have the
 * id 0.
 */
const OWN_ID = 31;
/** Ticks per second of the frame rate in the encoder. */
const RATE_SCALE = 1000;

interface EncodedFrame {
  readonly key: boolean;
  readonly data: Uint8Array;
}

interface EncodedGop {
  readonly config: VideoConfig;
  readonly frames: readonly EncodedFrame[];
}

/** Encodes the GOP; the answer is one message `tracks` and one message `frame` for each frame. */
export function makeStillGop(options: StillGopOptions, bytes: Uint8Array): Uint8Array {
  const planes = drawStill(options, bytes);
  let gop: EncodedGop | undefined;
  for (const quantizer of QUANTIZERS) {
    gop = encode(options, planes, quantizer);
    if (gop.frames[0]!.data.length <= MAX_KEY_BYTES) break;
  }
  const { config, frames } = gop!;
  const withSets = ({ key, data }: EncodedFrame) => ({ key, data: concatBytes([...setsOf(config), data]) });
  const track = { id: 1, kind: 'video', timescale: RATE_SCALE, language: 'und', label: '', config } as const;
  const timed = frames.map((frame, i) =>
    printFrame({ trackId: 1, dts: i, pts: i, duration: 1, ...(i === 0 ? withSets(frame) : frame) }),
  );
  return concatBytes([printTracks([track]), ...timed]);
}

function encode(options: StillGopOptions, planes: Uint8Array, quantizer: number): EncodedGop {
  using context = openEncoder(options, quantizer);
  using frame = newFrame();
  frame.format = AV_PIX_FMT_YUV420P;
  frame.width = options.width;
  frame.height = options.height;
  must(frame.getBuffer(1), 'allocating a picture');
  must(frame.fromBuffer(Buffer.from(planes.buffer, planes.byteOffset, planes.length)), 'copying a picture');
  using packet = new Packet();
  packet.alloc();
  const frames: EncodedFrame[] = [];
  const drain = () => {
    while (context.receivePacketSync(packet) >= 0) {
      if (packet.data) {
        const data = new Uint8Array(packet.data);
        const isKey = (packet.flags & AV_PKT_FLAG_KEY) !== 0;
        frames.push({ key: isKey, data: options.codec === 'hevc' ? sampleOf(data) : data });
      }
      packet.unref();
    }
  };
  for (let number = 0; number < options.frames; number++) {
    frame.pts = BigInt(number);
    must(context.sendFrameSync(frame), 'encoding a picture');
    drain();
  }
  context.sendFrameSync(null);
  drain();
  if (frames.length !== options.frames || frames.some(({ key }, i) => key !== (i === 0))) {
    throw new Error('the encoder made another GOP than requested');
  }
  return { config: configOf(options, new Uint8Array(context.extraData ?? [])), frames };
}

function openEncoder({ codec, width, height, frames, frameRate }: StillGopOptions, quantizer: number): CodecContext {
  const isHevc = codec === 'hevc';
  const encoder = Codec.findEncoderByName(isHevc ? FF_ENCODER_LIBX265 : FF_ENCODER_LIBX264);
  if (!encoder) throw new Error(`this FFmpeg has no encoder for ${codec}`);
  const context = new CodecContext();
  try {
    context.allocContext3(encoder);
    context.width = width;
    context.height = height;
    context.pixelFormat = AV_PIX_FMT_YUV420P;
    context.timeBase = new Rational(RATE_SCALE, Math.round(frameRate * RATE_SCALE));
    context.framerate = new Rational(Math.round(frameRate * RATE_SCALE), RATE_SCALE);
    context.gopSize = frames;
    context.maxBFrames = 0;
    context.threadCount = 1;
    context.colorSpace = AVCOL_SPC_BT709;
    context.colorPrimaries = AVCOL_PRI_BT709;
    context.colorTrc = AVCOL_TRC_BT709;
    context.colorRange = AVCOL_RANGE_MPEG;
    context.setFlags(AV_CODEC_FLAG_GLOBAL_HEADER);
    const constant = `qp=${quantizer + COARSER}:ipratio=${2 ** (COARSER / 6)}:aq-mode=0`;
    const settings: Readonly<Record<string, string>> = {
      preset: isHevc ? 'ultrafast' : 'veryfast',
      tune: 'zerolatency',
      'forced-idr': '1',
      ...(isHevc
        ? {
            'x265-params': `${constant}:scenecut=0:open-gop=0:repeat-headers=0:info=0:log-level=none:pools=none:frame-threads=1`,
          }
        : { 'x264-params': `${constant}:annexb=0:scenecut=0:open-gop=0:sps-id=${OWN_ID}` }),
    };
    for (const [name, value] of Object.entries(settings)) must(context.setOption(name, value), `option ${name}`);
    must(context.open2Sync(encoder, null), 'opening the encoder');
    return context;
  } catch (error) {
    context.freeContext();
    throw error;
  }
}

function configOf({ codec, width, height, frameRate }: StillGopOptions, header: Uint8Array): VideoConfig {
  if (codec === 'hevc') {
    const nals = nalsOf(header);
    const of = (type: number) => nals.filter((nal) => hevcNalType(nal[0]!) === type);
    return { ...hevcConfig({ vps: of(HEVC_NAL.vps), sps: of(HEVC_NAL.sps), pps: of(HEVC_NAL.pps) }), frameRate };
  }
  if (header[0] !== 1 || header.length < 7) throw new Error('x264 returned no avcC');
  const codecs = `avc1.${Buffer.from(header.subarray(1, 4)).toString('hex')}`;
  return { codec, record: header, codecs, width, height, frameRate };
}

/** x265 writes start codes, x264 writes lengths. */
function sampleOf(bytes: Uint8Array): Uint8Array {
  const list = new NalList();
  findNals(bytes, 0, bytes.length, list);
  return toSample(bytes, 0, list);
}

function nalsOf(bytes: Uint8Array): Uint8Array[] {
  const list = new NalList();
  findNals(bytes, 0, bytes.length, list);
  return Array.from({ length: list.count }, (_, i) => bytes.slice(list.starts[i], list.ends[i]));
}

/** The parameter sets of H.264, each after its length in 4 bytes. */
function setsOf({ codec, record }: VideoConfig): Uint8Array[] {
  if (codec !== 'h264') return [];
  const { sps, pps } = parseAvcC(record);
  return [...sps, ...pps].flatMap((nal) => [Uint8Array.of(0, 0, nal.length >> 8, nal.length & 255), nal]);
}
