/**
 * Reads a Range header of one range of bytes.
 * In: the header and the length of the representation. Out: which bytes, or that none of it can be had. RFC 9110, 14.
 */

/** Bytes [start, end), or why there are none; undefined: answer with the whole. */
export type ByteRange = { readonly start: number; readonly end: number } | 'unsatisfiable' | undefined;

const RANGE = /^bytes=[ \t]*(?:(\d{1,15})-(\d{0,15})|-(\d{1,15}))[ \t]*$/i;

/**
 * Reads the header; what is malformed or asks for several ranges is ignored, as the standard allows.
 *
 * @param header value of Range
 * @param length of the whole, bytes
 */
export function parseByteRange(header: string, length: number): ByteRange {
  const match = RANGE.exec(header);
  if (!match) return undefined;
  const [, first, last, suffix] = match;
  if (suffix !== undefined) {
    const count = Math.min(Number(suffix), length);
    return count === 0 ? 'unsatisfiable' : { start: length - count, end: length };
  }
  const start = Number(first);
  const end = last ? Math.min(Number(last) + 1, length) : length;
  if (last && Number(last) < start) return undefined;
  return start >= length ? 'unsatisfiable' : { start, end };
}
