/**
 * Boxes, the structure of every ISO base media file: parsed within bounds and printed in place.
 * In: bytes, or fields. Out: box positions, or bytes in an array that the caller has sized. Pure.
 * ISO/IEC 14496-12, 4.2. No recursion: callers name the containers they enter, so the depth is bounded by
 * code.
 */
import { FormatError } from '../errors.ts';

/** A box in an array. All numbers are offsets from the start of the array. */
export interface Box {
  readonly type: string;
  /** First byte of the header. */
  readonly start: number;
  /** First byte after the header. */
  readonly body: number;
  /** First byte after the box. */
  readonly end: number;
}

/** The header of a box: its type, its total size, and the size of the header itself (8 or 16 bytes). */
interface BoxHead {
  readonly type: string;
  readonly size: number;
  readonly headLength: number;
}

const MAX_SIBLINGS = 10_000;

/**
 * Parses the header of a box; undefined if more bytes are needed.
 *
 * @param bytes at least 8 bytes from `at`, 16 for a 64-bit size
 * @throws FormatError if the size is smaller than the header, open-ended (0), or above 2^53 - 1
 */
export function readBoxHead(bytes: Uint8Array, at: number): BoxHead | undefined {
  if (at + 8 > bytes.length) return undefined;
  const type = fourccAt(bytes, at + 4);
  let size = u32At(bytes, at);
  let headLength = 8;
  if (size === 1) {
    if (at + 16 > bytes.length) return undefined;
    size = u32At(bytes, at + 8) * 2 ** 32 + u32At(bytes, at + 12);
    headLength = 16;
  }
  if (size < headLength || !Number.isSafeInteger(size)) throw new FormatError(`box '${type}' has no usable size`, at);
  return { type, size, headLength };
}

/**
 * The consecutive boxes in [start, end); within a box, fewer than 8 zeros behind the last one are none.
 *
 * @param start first byte of the first box
 * @param end first byte after the last box; every box must end at or before it
 * @throws FormatError if a box reaches past `end`, has no size, or there are more than 10,000
 */
export function readBoxes(bytes: Uint8Array, start = 0, end: number = bytes.length): Box[] {
  const boxes: Box[] = [];
  const limit = Math.min(end, bytes.length);
  for (let at = start; at < limit; ) {
    // QuickTime ends lists of boxes with four zeros, and phones do so in sample entries.
    if (start > 0 && at > start && at + 8 > limit && isZero(bytes, at, limit)) break;
    const head = at + 8 <= limit ? readBoxHead(bytes, at) : undefined;
    if (!head) throw new FormatError('a box header ends early', at);
    if (at + head.size > limit) throw new FormatError(`box '${head.type}' reaches past its parent`, at);
    if (boxes.length === MAX_SIBLINGS) throw new FormatError('too many boxes', at);
    boxes.push({ type: head.type, start: at, body: at + head.headLength, end: at + head.size });
    at += head.size;
  }
  return boxes;
}

function isZero(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at] !== 0) return false;
  return true;
}

/** The first box of a type, or undefined. */
export function findBox(boxes: readonly Box[], type: string): Box | undefined {
  return boxes.find((box) => box.type === type);
}

/**
 * The first box of a type.
 *
 * @param parent named in the error
 * @throws FormatError if there is none
 */
export function needBox(boxes: readonly Box[], type: string, parent: Box): Box {
  const box = findBox(boxes, type);
  if (!box) throw new FormatError(`'${parent.type}' has no '${type}'`, parent.start);
  return box;
}

/** The four characters at `at`; the caller has checked the bounds. */
export function fourccAt(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(bytes[at]!, bytes[at + 1]!, bytes[at + 2]!, bytes[at + 3]!);
}

/** Unsigned 32 bits at `at`, big-endian; the caller has checked the bounds. */
export function u32At(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/** Writes boxes field by field into an array that is large enough; exceeding it is a bug (RangeError). */
export class BoxWriter {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  #at: number;

  /**
   * @param bytes the target, never grown; may be in shared memory
   * @param at offset of the first field
   */
  constructor(bytes: Uint8Array, at = 0) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = at;
  }

  /** Offset of the next field in `bytes`. */
  get offset(): number {
    return this.#at;
  }

  /** Begins a box; pass the result to `close`. */
  open(type: string): number {
    const start = this.#at;
    this.u32(0);
    this.fourcc(type);
    return start;
  }

  /** Begins a full box (4.2): version 0 to 255, flags of 24 bits. */
  openFull(type: string, version: number, flags: number): number {
    const start = this.open(type);
    this.u32(version * 2 ** 24 + flags);
    return start;
  }

  /** Ends a box: writes its size, which must be below 4 GiB. */
  close(start: number): void {
    this.#view.setUint32(start, this.#at - start);
  }

  /** Unsigned 8 bits. */
  u8(value: number): void {
    this.#view.setUint8(this.#at, value);
    this.#at += 1;
  }

  /** Unsigned 16 bits. */
  u16(value: number): void {
    this.#view.setUint16(this.#at, value);
    this.#at += 2;
  }

  /** 32 bits, signed or unsigned. */
  u32(value: number): void {
    this.#view.setUint32(this.#at, value);
    this.#at += 4;
  }

  /** 64 bits, signed or unsigned, within ±(2^53 - 1). */
  u64(value: number): void {
    this.#view.setInt32(this.#at, Math.floor(value / 2 ** 32));
    this.#view.setUint32(this.#at + 4, value);
    this.#at += 8;
  }

  /** Four ASCII characters. */
  fourcc(type: string): void {
    for (let i = 0; i < 4; i++) this.#view.setUint8(this.#at + i, type.charCodeAt(i));
    this.#at += 4;
  }

  /** Copies bytes. */
  raw(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** Writes `count` zeros. */
  zeros(count: number): void {
    this.bytes.fill(0, this.#at, this.#at + count);
    this.#at += count;
  }
}
