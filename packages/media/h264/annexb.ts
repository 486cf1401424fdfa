/**
 * The NAL units of one access unit in byte stream format; the same for H.264 and HEVC.
 * In: bytes with start codes, bounded to the access unit. Out: offsets of each NAL unit, or a sample with
 * lengths in place of start codes. ITU-T H.264 Annex B, 7.4.1.1; ISO/IEC 14496-15, 5.3.3.
 */
import { findBytes, searchView } from '../byte-search.ts';
import { FormatError } from '../errors.ts';

/** Most NAL units that one access unit may have. */
export const MAX_NALS = 2048;

const TWO_ZEROS = Uint8Array.of(0, 0);
/**
 * The native search is quick per byte and slow per find; past one find in this many bytes the plain loop is
 * quicker.
 */
const BYTES_PER_FIND = 256;

/** Where NAL units lie in a buffer. Used again for each access unit, so that none is allocated for it. */
export class NalList {
  /** How many entries of `starts` and `ends` count. */
  count = 0;
  /** Offset of each NAL unit's header. */
  readonly starts = new Int32Array(MAX_NALS);
  /** End offset of each NAL unit, without trailing zero bytes. */
  readonly ends = new Int32Array(MAX_NALS);
  /** Bytes looked at by the last search, each pass counted: a measure of work for tests. */
  work = 0;
}

/**
 * Finds the NAL units in `bytes[from, to)`. Bytes before the first start code are skipped. Never reads after
 * `to`. Costs at most a few operations a byte, whatever the bytes are.
 *
 * @param list is filled
 * @throws FormatError with more than MAX_NALS
 */
export function findNals(bytes: Uint8Array, from: number, to: number, list: NalList): void {
  list.count = 0;
  list.work = to - from;
  const view = searchView(bytes, from, to);
  const size = view.length;
  let findsLeft = 16 + Math.floor(size / BYTES_PER_FIND);
  let at = 0;
  let start = -1;
  while (at < size) {
    let zeros = findsLeft-- > 0 ? findBytes(view, TWO_ZEROS, at) : nextTwoZeros(view, at);
    if (zeros < 0) break;
    const firstZero = zeros;
    zeros += 2;
    while (zeros < size && view[zeros] === 0) zeros++;
    list.work += zeros - firstZero;
    at = zeros + 1;
    if (zeros >= size || view[zeros] !== 1) continue;
    if (start >= 0) add(list, from + start, from + firstZero);
    start = zeros + 1;
  }
  if (start < 0) return;
  let end = size;
  while (end > start && view[end - 1] === 0) end--;
  list.work += size - end;
  add(list, from + start, from + end);
}

function nextTwoZeros(view: Uint8Array, from: number): number {
  const last = view.length;
  for (let at = from + 1; at < last; ) {
    if (view[at] !== 0) at += 2;
    else if (view[at - 1] === 0) return at - 1;
    else at++;
  }
  return -1;
}

function add(list: NalList, start: number, end: number): void {
  if (end <= start) return;
  if (list.count === MAX_NALS) throw new FormatError(`more than ${MAX_NALS} NAL units in one access unit`, start);
  list.starts[list.count] = start;
  list.ends[list.count] = end;
  list.count++;
}

/**
 * Converts the listed NAL units to one sample, each with a 4-byte length. Works in place where the bytes
 * between `from` and the last NAL unit have room, so the usual access unit is not copied.
 *
 * @param bytes the buffer of `list`; bytes from `from` to the last NAL unit's end are overwritten
 * @param from first byte that may be overwritten
 * @returns a view of `bytes`, or a new array where there was no room
 */
export function toSample(bytes: Uint8Array, from: number, list: NalList): Uint8Array {
  const { starts, ends, count } = list;
  if (count === 0) return bytes.subarray(from, from);
  // Backwards: the furthest right at which the first one may lie, with all that follow it in one piece.
  let first = starts[count - 1]!;
  for (let i = count - 2; i >= 0; i--) first = Math.min(starts[i]!, first - 4 - (ends[i]! - starts[i]!));
  let target = bytes;
  let at = first - 4;
  if (at < from) {
    let length = 0;
    for (let i = 0; i < count; i++) length += 4 + ends[i]! - starts[i]!;
    target = new Uint8Array(length);
    at = 0;
  }
  const begin = at;
  for (let i = 0; i < count; i++) {
    const start = starts[i]!;
    const length = ends[i]! - start;
    if (target !== bytes) target.set(bytes.subarray(start, start + length), at + 4);
    else if (at + 4 !== start) bytes.copyWithin(at + 4, start, start + length);
    target[at] = length >>> 24;
    target[at + 1] = length >>> 16;
    target[at + 2] = length >>> 8;
    target[at + 3] = length;
    at += 4 + length;
  }
  return target.subarray(begin, at);
}

/**
 * The RBSP of a NAL unit: the bytes after `start` without emulation prevention (H.264 7.4.1.1, HEVC 7.4.2).
 *
 * @param start first byte to take, usually after the NAL unit header
 * @param end first byte not to take
 * @returns a new array
 */
export function toRbsp(bytes: Uint8Array, start = 0, end: number = bytes.length): Uint8Array {
  const rbsp = new Uint8Array(Math.max(0, end - start));
  let length = 0;
  let zeros = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    rbsp[length++] = byte;
  }
  return rbsp.subarray(0, length);
}
