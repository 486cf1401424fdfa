/**
 * What a small gray picture shows: how much of it is dark, and how far it differs from the one before.
 * In: luma of a key frame. Out: two numbers. Pure.
 */

/** Luma below this is dark: a tenth of the range, 0 to 255. */
const DARK = 25.5;

/** Share of the picture that is dark, percent, 0 to 100. */
export function darkShare(luma: Uint8Array): number {
  let dark = 0;
  for (const each of luma) if (each < DARK) dark++;
  return (100 * dark) / luma.length;
}

/**
 * How far two pictures of the same size differ: the largest difference of a pixel, 0 to 255. A mean would
 * miss a small thing that moves; each pixel is the mean of some hundred of the stream, so noise of an encoder
 * is below 3.
 */
export function largestDifference(picture: Uint8Array, other: Uint8Array): number {
  return picture.reduce((most, luma, i) => Math.max(most, Math.abs(luma - (other[i] ?? luma))), 0);
}
