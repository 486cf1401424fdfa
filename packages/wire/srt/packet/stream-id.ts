/**
 * Texts in handshake extensions: each group of 4 bytes is in reversed order, and the end is padded with
 * zeros.
 * In: the body of an extension. Out: a string, and back. Pure. draft-sharabayko-srt-01 3.2.1.3.
 */
import { FormatError } from '@oxbow/media/errors';

/** Longest text, bytes. */
const MAX_STREAM_ID_BYTES = 512;

const decoder = new TextDecoder('utf-8');
const encoder = new TextEncoder();

/**
 * Parses a text; bytes that are not UTF-8 become U+FFFD.
 *
 * @param offset where the body begins in its packet, for errors
 * @throws FormatError if it is longer than 512 bytes, or no multiple of 4 bytes
 */
export function parseStreamId(body: Uint8Array, offset = 0): string {
  if (body.length > MAX_STREAM_ID_BYTES || body.length % 4 !== 0) {
    throw new FormatError(`text of ${body.length} bytes in a handshake`, offset);
  }
  const swapped = swap(body);
  let end = swapped.length;
  while (end > 0 && swapped[end - 1] === 0) end--;
  return decoder.decode(swapped.subarray(0, end));
}

/**
 * Prints a text.
 *
 * @throws RangeError if it is longer than 512 bytes of UTF-8
 */
export function printStreamId(text: string): Uint8Array {
  const bytes = encoder.encode(text);
  if (bytes.length > MAX_STREAM_ID_BYTES) {
    throw new RangeError(`The stream id has ${bytes.length} bytes. Use at most ${MAX_STREAM_ID_BYTES}.`);
  }
  const padded = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
  padded.set(bytes);
  return swap(padded);
}

function swap(bytes: Uint8Array): Uint8Array {
  const swapped = new Uint8Array(bytes.length);
  for (let at = 0; at < bytes.length; at++) swapped[at] = bytes[(at & ~3) + 3 - (at & 3)]!;
  return swapped;
}
