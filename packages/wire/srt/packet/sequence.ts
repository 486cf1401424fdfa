/**
 * Sequence numbers of 31 bits and timestamps of 32 bits, which both wrap.
 * In: fields of packets. Out: distances, and indexes that never wrap. Pure. draft-sharabayko-srt-01 3, 4.4.
 *
 * A connection counts its packets with indexes: plain integers that begin at 0 with the initial sequence
 * number.
 */

const MASK = 0x7fff_ffff;

/** The sequence number of `index` packets after `initial`; both 31 bits, the index up to 2^53. */
export function sequenceOf(initial: number, index: number): number {
  return (initial + (index % 0x8000_0000)) & MASK;
}

/**
 * The index of a sequence number, as the one nearest to a known index.
 *
 * @param initial initial sequence number
 * @param near an index at most 2^30 away
 * @returns may be negative for sequence numbers before the initial one
 */
export function indexOf(initial: number, sequence: number, near: number): number {
  const distance = ((sequence - sequenceOf(initial, near)) << 1) >> 1;
  return near + distance;
}

/**
 * A timestamp without its wrap, as the one nearest to a known timestamp.
 *
 * @param timestamp 32 bits, µs
 * @param near a timestamp without wrap at most 35 minutes away, µs
 */
export function unwrapTimestamp(timestamp: number, near: number): number {
  return near + ((timestamp - (near % 0x1_0000_0000)) | 0);
}
