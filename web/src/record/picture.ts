/**
 * A picture that came inside an answer, as something an image can show under a policy without `data:`.
 * In: a data URL. Out: bytes with their type. RFC 2397.
 */

/** More than any picture of a source, characters. */
const MOST = 4_000_000;

/** The picture in a base64 data URL of an image; undefined where it is none. */
export function readPicture(dataUrl: string): Blob | undefined {
  const [, type, base64] =
    /^data:(image\/(?:jpeg|png|webp));base64,([A-Za-z0-9+/=]+)$/.exec(dataUrl.slice(0, MOST)) ?? [];
  if (type === undefined || base64 === undefined) return undefined;
  try {
    return new Blob([Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))], { type });
  } catch {
    return undefined; // not base64 after all
  }
}
