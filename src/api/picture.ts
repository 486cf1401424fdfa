/**
 * The picture of a stream: which files it can be, and how large.
 * In: nothing. Out: limits and types for the table, the API and its documentation.
 */

/** Bytes of a picture at most. */
export const MAX_PICTURE_BYTES = 1024 * 1024;

/** Media types of pictures. SVG is not one of them: it can hold scripts. */
export const pictureTypes = ['image/jpeg', 'image/png', 'image/webp'] as const;

/** The media type of a picture. */
export type PictureType = (typeof pictureTypes)[number];

/** A stored picture. */
export interface StreamPicture {
  readonly type: PictureType;
  readonly bytes: Uint8Array;
  /** Changes with the bytes: the ETag, without quotes. */
  readonly version: string;
}

/**
 * The media type of a picture by its first bytes, whatever its sender called it; undefined for others.
 * ISO 10918-1 B.1.1.3 (SOI), PNG 5.2, RFC 9649 2.4.
 */
export function pictureTypeOf(bytes: Uint8Array): PictureType | undefined {
  const text = (from: number, to: number) => String.fromCharCode(...bytes.subarray(from, to));
  if (text(0, 3) === '\xff\xd8\xff') return 'image/jpeg';
  if (text(0, 8) === '\x89PNG\r\n\x1a\n') return 'image/png';
  if (text(0, 4) === 'RIFF' && text(8, 12) === 'WEBP') return 'image/webp';
  return undefined;
}
