/**
 * Encodes the first key frame as a small JPEG, as cheaply as it can be, and reads its luma as a coarse grid;
 * or only reads its luma.
 * In: an init section and the start of a segment. Out: the grid and a JPEG file of bounded size; luma. Native
 * code: child processes only.
 */

import { concatBytes } from '@oxbow/media/bytes';
import type { Frame } from 'node-av/lib';
import { LUMA_SIDE, type Operation, type TileSize } from '../frame-protocol.ts';
import { openMediaInput } from './media-input.ts';
import { decodeAt, printJpeg, scaleForJpeg, shapeOf } from './still.ts';

/**
 * From the best to the worst quality, in units of FFmpeg: about 2.6 KB, 2 KB, … of a usual picture of 160
 * × 90.
 */
const QUALITIES = [5, 8, 12, 18, 31].map((steps) => steps * 118);

/**
 * The picture of the first key frame, within the sides, even, with square pixels.
 *
 * @returns the grid, a byte for each cell, row by row; then the JPEG
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
  return concatBytes([lumaGrid(scaled), jpeg]);
}

/**
 * The luma of the first key frame, scaled.
 *
 * @returns a byte for each pixel, row by row
 * @throws Error with the message of FFmpeg if there is no picture
 */
export function readLuma(bytes: Uint8Array, { width, height }: TileSize): Uint8Array {
  using input = openMediaInput(bytes);
  using frame = decodeAt(input.format, 0, { keyOnly: true });
  using scaled = scaleForJpeg(frame, width, height, 1);
  return new Uint8Array(scaled.toBuffer().subarray(0, width * height));
}

/** The mean luma of each cell of a picture, 0 to 255. */
function lumaGrid({ data, linesize, width, height }: Frame): Uint8Array {
  const plane = data?.[0];
  if (!plane) throw new Error('the picture has no luma');
  const stride = linesize[0]!;
  const grid = new Uint8Array(LUMA_SIDE * LUMA_SIDE);
  for (let cell = 0; cell < grid.length; cell++) {
    const [left, right] = cellEdges(cell % LUMA_SIDE, width);
    const [top, bottom] = cellEdges(Math.floor(cell / LUMA_SIDE), height);
    let sum = 0;
    for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) sum += plane[y * stride + x]!;
    grid[cell] = Math.round(sum / ((right - left) * (bottom - top)));
  }
  return grid;
}

function cellEdges(index: number, side: number): [from: number, to: number] {
  const from = Math.floor((index * side) / LUMA_SIDE);
  return [from, Math.max(from + 1, Math.floor(((index + 1) * side) / LUMA_SIDE))];
}

function even(side: number): number {
  return Math.max(2, 2 * Math.round(side / 2));
}
