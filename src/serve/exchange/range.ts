/**
 * Parses a Range header with one byte range.
 * In: the header and the length of the representation. Out: the range, or `unsatisfiable`. RFC 9110 14.
 */

/** Bytes [start, end), or `unsatisfiable`; undefined: send the complete representation. */
type ByteRange = { readonly start: number; readonly end: number } | 'unsatisfiable' | undefined;

const RANGE = /^bytes=[ \t]*(?:(\d{1,15})-(\d{0,15})|-(\d{1,15}))[ \t]*$/i;

/**
 * Parses the header. Ignores malformed values and multiple ranges, as the standard allows.
 *
 * @param header value of Range
 * @param length of the representation, bytes
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
