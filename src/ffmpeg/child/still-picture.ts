/**
 * Prepares the picture of a still GOP: decoded media, an image file or drawn text, in the middle of a picture
 * of the wanted size.
 * In: bytes or lines of text. Out: packed planes Y, U, V. Native code: child processes only. BT.709, limited
 * range.
 */
import {
  AV_CODEC_ID_MJPEG,
  AV_CODEC_ID_PNG,
  AV_CODEC_ID_WEBP,
  AV_PIX_FMT_YUV420P,
  AVCOL_RANGE_MPEG,
  AVCOL_SPC_BT709,
} from 'node-av/constants';
import { Codec, CodecContext, type Frame, Packet, SoftwareScaleContext } from 'node-av/lib';
import { type PictureType, pictureTypeOf } from '../../api/picture.ts';
import type { StillGopOptions } from '../still-gop-options.ts';
import { Canvas, colourOf, TextLine } from './canvas.ts';
import { glyphSize, isDrawable } from './glyphs.ts';
import { openMediaInput } from './media-input.ts';
import { must } from './native.ts';
import { decodeAt, MAX_PIXELS, newFrame } from './still.ts';

/** After the last picture of any segment, seconds. */
const LAST_S = 1e6;
const background = colourOf(0x10161d);
/** Characters of a title. */
const MAX_TITLE = 60;
const LARGE_LUMA = 225;
const SMALL_LUMA = 150;

const codecOf: Readonly<Record<PictureType, typeof AV_CODEC_ID_PNG>> = {
  'image/jpeg': AV_CODEC_ID_MJPEG,
  'image/png': AV_CODEC_ID_PNG,
  'image/webp': AV_CODEC_ID_WEBP,
};

/**
 * Returns the planes of the picture.
 *
 * @throws Error with the message of FFmpeg if the bytes have no picture
 */
export function drawStill(options: StillGopOptions, bytes: Uint8Array): Uint8Array {
  const { width, height, picture } = options;
  const canvas = new Canvas(width, height);
  canvas.fill(0, 0, width, height, background);
  if (picture === 'text') drawLines(canvas, [titleOf(options), options.words]);
  else {
    using frame = picture === 'media' ? lastOf(bytes) : decodeImage(bytes);
    place(canvas, frame, { keepsShape: picture === 'image' });
  }
  return canvas.planes;
}

function lastOf(bytes: Uint8Array): Frame {
  using input = openMediaInput(bytes);
  return decodeAt(input.format, LAST_S);
}

function decodeImage(bytes: Uint8Array): Frame {
  const type = pictureTypeOf(bytes);
  const codec = type && Codec.findDecoder(codecOf[type]);
  if (!codec) throw new Error('the picture is no JPEG, PNG or WebP file');
  using decoder = new CodecContext();
  decoder.allocContext3(codec);
  decoder.threadCount = 1;
  must(decoder.setOption('max_pixels', String(MAX_PIXELS)), 'limiting the size');
  must(decoder.open2Sync(codec, null), 'opening the decoder');
  using packet = new Packet();
  packet.alloc();
  packet.data = Buffer.from(bytes);
  must(decoder.sendPacketSync(packet), 'decoding the picture');
  decoder.sendPacketSync(null);
  const frame = newFrame();
  try {
    must(decoder.receiveFrameSync(frame), 'decoding the picture');
  } catch (error) {
    frame.free();
    throw error;
  }
  return frame;
}

/** Scales a frame into the canvas; media has its size already, an image keeps its shape and is centred. */
function place(canvas: Canvas, frame: Frame, { keepsShape }: { keepsShape: boolean }): void {
  const { num, den } = frame.sampleAspectRatio;
  const shape = (frame.width * (num > 0 && den > 0 ? num / den : 1)) / frame.height;
  const wide = shape > canvas.width / canvas.height;
  const width = keepsShape && !wide ? even(canvas.height * shape) : canvas.width;
  const height = keepsShape && wide ? even(canvas.width / shape) : canvas.height;
  using scaled = newFrame();
  scaled.format = AV_PIX_FMT_YUV420P;
  scaled.width = width;
  scaled.height = height;
  scaled.colorRange = AVCOL_RANGE_MPEG;
  scaled.colorSpace = AVCOL_SPC_BT709;
  must(scaled.getBuffer(1), 'allocating a picture');
  using scaler = new SoftwareScaleContext();
  scaler.allocContext(); // Without explicit settings it uses range and matrix of the frames.
  must(scaler.scaleFrameSync(scaled, frame), 'scaling');
  canvas.paste(scaled.toBuffer(), width, height, even((canvas.width - width) / 2), even((canvas.height - height) / 2));
}

/** The title as the font can draw it, without accents; otherwise the name. */
function titleOf({ title, name }: StillGopOptions): string {
  const plain = title.normalize('NFD').replaceAll(/\p{M}/gu, '').trim();
  if (plain === '' || !isDrawable(plain)) return name;
  return plain.length > MAX_TITLE ? `${plain.slice(0, MAX_TITLE)}...` : plain;
}

/** The first line large, the others small below it, all centred. */
function drawLines(canvas: Canvas, lines: readonly string[]): void {
  const { width, height } = canvas;
  const scales = lines.map((line, i) => {
    const most = Math.max(1, Math.floor(height / (i === 0 ? 70 : 140)));
    return Math.max(1, Math.min(most, Math.floor((0.9 * width) / (glyphSize.advance * Math.max(1, line.length)))));
  });
  const heights = scales.map((scale) => 2 * glyphSize.height * scale);
  let y = (height - heights.reduce((sum, lineHeight) => sum + lineHeight, 0)) / 2;
  lines.forEach((line, i) => {
    const x = even((width - line.length * glyphSize.advance * scales[i]!) / 2);
    new TextLine(canvas, x, even(y), scales[i]!, i === 0 ? LARGE_LUMA : SMALL_LUMA).show(line);
    y += heights[i]!;
  });
}

function even(n: number): number {
  return Math.max(0, 2 * Math.round(n / 2));
}
