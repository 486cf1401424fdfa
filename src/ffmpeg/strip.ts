/**
 * The machine-readable strip at the top of the test picture, which identifies each frame.
 * In: UTC of a frame, or a picture. Out: eight bytes, or the UTC of the frame. Pure.
 *
 * 64 equal blocks from left to right over the top 1/18 of the picture, white 1, black 0: 48 bits UTC
 * milliseconds, most significant first, 8 bits frame counter, 8 bits XOR of the previous seven bytes.
 */

export const STRIP_BLOCKS = 64;

/** Height of the strip, pixels. */
export function stripHeight(pictureHeight: number): number {
  return Math.round(pictureHeight / 18);
}

/** Left edge of block `index`, pixels; index 64 is the right edge of the picture. */
export function stripEdge(index: number, pictureWidth: number): number {
  return Math.round((index * pictureWidth) / STRIP_BLOCKS);
}

/**
 * The eight bytes of the strip.
 *
 * @param utcMs UTC of the frame, rounded to whole milliseconds
 * @param counter frame counter; the lowest 8 bits are used
 */
export function printStrip(utcMs: number, counter: number): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  const ms = Math.round(utcMs);
  view.setUint16(0, Math.floor(ms / 2 ** 32));
  view.setUint32(2, ms % 2 ** 32);
  bytes[6] = counter % 256;
  for (let i = 0; i < 7; i++) bytes[7]! ^= bytes[i]!;
  return bytes;
}

/** Content of a strip. */
export interface StripReading {
  /** UTC of the frame, ms since 1970. */
  readonly utcMs: number;
  /** 0 to 255. */
  readonly counter: number;
}

/**
 * Reads the strip from a picture.
 *
 * @param luma one byte per pixel, row by row, `width` × `height` or more rows
 * @returns undefined if the check byte is wrong: there is no strip, or it is damaged
 */
export function readStrip(luma: Uint8Array, width: number, height: number): StripReading | undefined {
  const row = Math.floor(stripHeight(height) / 2) * width;
  const bytes = new Uint8Array(8);
  for (let block = 0; block < STRIP_BLOCKS; block++) {
    const x = Math.floor((stripEdge(block, width) + stripEdge(block + 1, width)) / 2);
    if ((luma[row + x] ?? 0) > 128) bytes[block >> 3]! |= 0x80 >> (block & 7);
  }
  let check = 0;
  for (const byte of bytes) check ^= byte;
  // An all-black strip has a valid check byte but means 1970.
  if (check !== 0 || bytes.every((byte) => byte === 0)) return undefined;
  const view = new DataView(bytes.buffer);
  return { utcMs: view.getUint16(0) * 2 ** 32 + view.getUint32(2), counter: bytes[6]! };
}
