/**
 * Pictures of a sheet, and the sheet itself: many small pictures in one JPEG.
 * In: media, or packed planes. Out: packed planes Y, U, V, or a JPEG file. Native code: child processes only.
 */
import type { TileSize } from '../frame-protocol.ts';
import { Canvas } from './canvas.ts';
import { openMediaInput } from './media-input.ts';
import { must } from './native.ts';
import { decodeAt, newFrame, prepareForJpeg, printJpeg, scaleForJpeg } from './still.ts';

/** The frame at an instant, scaled to a picture of the sheet. */
export function makeTile(bytes: Uint8Array, { atS, width, height }: { readonly atS: number } & TileSize): Uint8Array {
  using input = openMediaInput(bytes);
  using frame = decodeAt(input.format, atS);
  using scaled = scaleForJpeg(frame, width, height, 1);
  return new Uint8Array(scaled.toBuffer());
}

/**
 * Encodes a sheet.
 *
 * @param bytes planes of one picture after the other
 */
export function makeSheet(
  bytes: Uint8Array,
  { columns, width, height }: { readonly columns: number } & TileSize,
): Uint8Array {
  const each = (width * height * 3) / 2;
  const count = Math.floor(bytes.length / each);
  const canvas = new Canvas(width * Math.min(columns, count), height * Math.ceil(count / columns));
  canvas.fill(0, 0, canvas.width, canvas.height, { y: 0, u: 128, v: 128 });
  for (let i = 0; i < count; i++) {
    const [x, y] = [(i % columns) * width, Math.floor(i / columns) * height];
    canvas.paste(bytes.subarray(i * each, (i + 1) * each), width, height, x, y);
  }
  using frame = newFrame();
  prepareForJpeg(frame, canvas.width, canvas.height, 1);
  const { planes } = canvas;
  must(frame.fromBuffer(Buffer.from(planes.buffer, planes.byteOffset, planes.length)), 'copying a picture');
  return printJpeg(frame);
}
