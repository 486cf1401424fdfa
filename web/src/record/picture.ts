/**
 * Converts the picture in a probe's response to a Blob, because the page's policy forbids `data:` images.
 * In: a data URL. Out: bytes with their type. RFC 2397.
 */

/** Longest data URL, characters. */
const MOST = 4_000_000;

/** The picture in a base64 data URL of an image; undefined if it is not one. */
export function readPicture(dataUrl: string): Blob | undefined {
  const [, type, base64] =
    /^data:(image\/(?:jpeg|png|webp));base64,([A-Za-z0-9+/=]+)$/.exec(dataUrl.slice(0, MOST)) ?? [];
  if (type === undefined || base64 === undefined) return undefined;
  try {
    return new Blob([Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))], { type });
  } catch {
    return undefined; // invalid base64
  }
}
