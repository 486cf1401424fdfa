/**
 * Encodes the first key frame as a small JPEG, as cheaply as it can be.
 * In: an init section and the start of a segment. Out: a JPEG file of bounded size. Native code: child processes only.
 */
import type { Operation } from '../frame-protocol.ts';
import { openMediaInput } from './media-input.ts';
import { decodeAt, printJpeg, scaleForJpeg, shapeOf } from './still.ts';

/** From the best to the worst quality, in units of FFmpeg: about 2.6 KB, 2 KB, … of a usual picture of 160 × 90. */
const QUALITIES = [5, 8, 12, 18, 31].map((steps) => steps * 118);

/**
 * The picture of the first key frame, within the sides, even, with square pixels.
 *
 * @throws Error with the message of FFmpeg if there is no picture
 */
export function makeKeyPicture(
  bytes: Uint8Array,
  { width, height, maxBytes }: Extract<Operation, { what: 'key-picture' }>,
): Uint8Array {
  using input = openMediaInput(bytes);
  using frame = decodeAt(input.format, 0, { keyOnly: true });
  const shape = shapeOf(frame);
  using scaled = scaleForJpeg(frame, even(Math.min(width, height * shape)), even(Math.min(height, width / shape)));
  let jpeg = new Uint8Array();
  for (const quality of QUALITIES) {
    jpeg = printJpeg(scaled, quality) as typeof jpeg;
    if (jpeg.length <= maxBytes) break;
  }
  return jpeg;
}

function even(side: number): number {
  return Math.max(2, 2 * Math.round(side / 2));
}
