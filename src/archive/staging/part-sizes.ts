/**
 * How large the parts of an upload are. A bucket takes 10,000 parts, each but the last of 5 MiB or more.
 * In: the length of a file, if it is known. Out: bytes of a part. Pure.
 */

/** Bytes of a part, unless the file needs larger ones. */
export const PART_BYTES: number = 8 * 1024 * 1024;
/** Numbers of parts that a bucket takes. */
export const MAX_NUMBER = 10_000;
/** Parts of a file of known length, at most: the other numbers are for parts that are sent again. */
const MAX_PARTS = 8_000;
/** Of a file of unknown length, parts are twice as large after this many. */
const DOUBLED_AFTER = 2_000;

/**
 * Bytes of all parts but the last, equal as some servers demand; 0 for a file of unknown length.
 *
 * @param least bytes of a part
 */
export function partBytesFor(length: number | undefined, least: number = PART_BYTES): number {
  if (length === undefined) return 0;
  const step = 1024 * 1024;
  return Math.max(least, Math.ceil(length / MAX_PARTS / step) * step);
}

/**
 * Bytes of the next part.
 *
 * @param partBytes of partBytesFor
 * @param number of the last part
 * @param least bytes of a part
 */
export function nextPartBytes(partBytes: number, number: number, least: number = PART_BYTES): number {
  return partBytes > 0 ? partBytes : least * 2 ** Math.floor(number / DOUBLED_AFTER);
}
