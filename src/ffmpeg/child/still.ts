/**
 * Encodes one frame as JPEG.
 * In: an init section and a segment, or any file. Out: a JPEG file. Native code: child processes only.
 */
import {
  AV_CODEC_FLAG_QSCALE,
  AV_FRAME_FLAG_INTERLACED,
  AV_PIX_FMT_YUVJ420P,
  AV_PKT_FLAG_KEY,
  AVCOL_RANGE_JPEG,
  AVCOL_SPC_BT470BG,
  AVDISCARD_ALL,
  AVMEDIA_TYPE_VIDEO,
  FF_ENCODER_MJPEG,
} from 'node-av/constants';
import { Codec, CodecContext, type FormatContext, Frame, Packet, Rational, SoftwareScaleContext } from 'node-av/lib';
import { openDecoder } from './decoder.ts';
import { openMediaInput } from './media-input.ts';
import { must } from './native.ts';

/** Slightly above 8K; larger pictures are refused before they are decoded. */
export const MAX_PIXELS = 8192 * 4608;
const MAX_HEIGHT = 4096;
/** Quality in units of FFmpeg: 118 is one step; 2 steps are best, 31 worst. */
const QUALITY = 4 * 118;

/**
 * @param atS seconds after the pts of the first key frame; the last frame at or before it is taken, else the
 *   first
 * @param width pixels
 * @throws Error with the message of FFmpeg if there is no picture
 */
export function makeStill(bytes: Uint8Array, atS: number, width: number): Uint8Array {
  using input = openMediaInput(bytes);
  using frame = decodeAt(input.format, atS);
  return encodeJpeg(frame, width);
}

/**
 * The last frame at or before an instant, which the caller frees.
 *
 * @param atS seconds after the pts of the first key frame
 * @param options.keyOnly only the first key frame is decoded, roughly
 * @throws Error with the message of FFmpeg if there is no picture
 */
export function decodeAt(format: FormatContext, atS: number, { keyOnly = false } = {}): Frame {
  let index = format.findBestStream(AVMEDIA_TYPE_VIDEO);
  // The header of an MP4 describes the streams; MPEG-TS must be probed.
  if (index < 0 || !format.streams[index]!.codecpar.width) {
    must(format.findStreamInfoSync(null), 'reading stream info');
    index = must(format.findBestStream(AVMEDIA_TYPE_VIDEO), 'there is no video');
  }
  for (const other of format.streams) if (other.index !== index) other.discard = AVDISCARD_ALL;
  const stream = format.streams[index]!;
  using decoder = openDecoder(stream.codecpar, {
    max_pixels: String(MAX_PIXELS),
    ...(keyOnly && { skip_loop_filter: 'all' }),
  });

  using packet = new Packet();
  packet.alloc();
  let target: bigint | undefined;
  let best: Frame | undefined;
  let frame = newFrame();
  /** Receives decoded frames; returns true after a frame beyond the target. */
  const drain = (): boolean => {
    while (decoder.receiveFrameSync(frame) >= 0) {
      const pts = frame.bestEffortTimestamp;
      if (best && target !== undefined && pts > target) return true;
      best?.free();
      best = frame;
      frame = newFrame();
    }
    return false;
  };
  let enough = false;
  while (!enough && !(keyOnly && target !== undefined) && format.readFrameSync(packet) >= 0) {
    if (packet.streamIndex === index) {
      if (target === undefined && packet.flags & AV_PKT_FLAG_KEY) {
        const { num, den } = stream.timeBase;
        // Rounded to the nearest tick: the time of a frame in whole microseconds may be slightly below its
        // pts.
        target = packet.pts + BigInt(Math.round((Math.max(0, atS) * den) / num));
      }
      // Non-reference pictures well before the target are not decoded, which saves about half of the work.
      const isOver = target !== undefined && packet.pts + 4n * packet.duration <= target;
      decoder.setOption('skip_frame', isOver ? 'noref' : 'default');
      // Undecodable packets are skipped: a nearby picture is better than none.
      if (target !== undefined && decoder.sendPacketSync(packet) >= 0) enough = drain();
    }
    packet.unref();
  }
  if (!enough) {
    decoder.sendPacketSync(null);
    drain();
  }
  frame.free();
  if (!best) throw new Error('no picture could be decoded');
  return best;
}

/** A frame without a picture. */
export function newFrame(): Frame {
  const frame = new Frame();
  frame.alloc();
  return frame;
}

/** Width of a picture in square pixels, as a share of its height. */
export function shapeOf({ width, height, sampleAspectRatio: { num, den } }: Frame): number {
  return (width * (num > 0 && den > 0 ? num / den : 1)) / height;
}

function encodeJpeg(source: Frame, width: number): Uint8Array {
  const height = Math.max(2, Math.round(width / shapeOf(source) / 2) * 2);
  if (height > MAX_HEIGHT) throw new Error(`the still would be ${height} pixels high`);
  using scaled = scaleForJpeg(source, width, height);
  return printJpeg(scaled);
}

/**
 * Scales a frame to the colours of JPEG; the caller frees the result.
 *
 * @param width pixels
 * @param height pixels
 * @param align of rows, bytes; 0: as the machine works best, 1: packed
 */
export function scaleForJpeg(source: Frame, width: number, height: number, align: 0 | 1 = 0): Frame {
  const scaled = newFrame();
  try {
    prepareForJpeg(scaled, width, height, align);
    source.clearFlags(AV_FRAME_FLAG_INTERLACED); // The scaler refuses to make a progressive picture of two fields.
    using scaler = new SoftwareScaleContext();
    scaler.allocContext(); // Without explicit settings it uses range and matrix of the frames.
    must(scaler.scaleFrameSync(scaled, source), 'scaling');
    return scaled;
  } catch (error) {
    scaled.free();
    throw error;
  }
}

/** Gives an empty frame the size and the colours of a JPEG; `align` as of `scaleForJpeg`. */
export function prepareForJpeg(scaled: Frame, width: number, height: number, align: 0 | 1): void {
  scaled.format = AV_PIX_FMT_YUVJ420P;
  scaled.width = width;
  scaled.height = height;
  scaled.colorRange = AVCOL_RANGE_JPEG;
  scaled.colorSpace = AVCOL_SPC_BT470BG; // The only one in JFIF.
  must(scaled.getBuffer(align), 'allocating the still');
}

/**
 * Encodes a frame with the colours of JPEG; returns a file.
 *
 * @param quality in units of FFmpeg, 2 × 118 (best) to 31 × 118
 */
export function printJpeg(scaled: Frame, quality: number = QUALITY): Uint8Array {
  const { width, height } = scaled;
  const codec = Codec.findEncoderByName(FF_ENCODER_MJPEG);
  if (!codec) throw new Error('this FFmpeg has no JPEG encoder');
  using encoder = new CodecContext();
  encoder.allocContext3(codec);
  encoder.width = width;
  encoder.height = height;
  encoder.pixelFormat = AV_PIX_FMT_YUVJ420P;
  encoder.colorRange = AVCOL_RANGE_JPEG;
  encoder.timeBase = new Rational(1, 25);
  encoder.setFlags(AV_CODEC_FLAG_QSCALE);
  encoder.globalQuality = quality;
  must(encoder.open2Sync(codec, null), 'opening the JPEG encoder');
  scaled.pts = 0n;
  scaled.quality = quality;
  must(encoder.sendFrameSync(scaled), 'encoding the still');
  using packet = new Packet();
  packet.alloc();
  must(encoder.receivePacketSync(packet), 'encoding the still');
  return new Uint8Array(packet.data ?? []);
}
