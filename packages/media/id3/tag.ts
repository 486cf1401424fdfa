/**
 * Parses ID3 tags of streams, and cuts long ones to complete frames.
 * In: a tag. Out: its frames, or a FormatError; a tag of bounded length. Pure. ID3v2.4.0, 3 and 4; ID3v2.3.0.
 */
import { FormatError } from '../errors.ts';

/** A frame of a tag. */
interface Id3Frame {
  /** Four characters, e.g. `TIT2`, `TXXX` or `PRIV`. */
  readonly id: string;
  /** Without its header; a view of the tag. */
  readonly body: Uint8Array;
  /** Where its header begins in the tag. */
  readonly offset: number;
}

export interface Id3Tag {
  /** 3 or 4. */
  readonly version: number;
  readonly frames: readonly Id3Frame[];
  /** Bytes of the tag, header and footer included. */
  readonly length: number;
}

const HEADER_BYTES = 10;
const MAX_FRAMES = 1000;
const UNSYNCHRONISED = 0x80;
const EXTENDED = 0x40;
const FOOTER = 0x10;

/**
 * Length of the tag at `at`, header and footer included, be it there or not; undefined where none begins,
 * `short` where its header continues behind the bytes.
 */
export function id3Length(bytes: Uint8Array, at = 0): number | 'short' | undefined {
  for (let i = 0; i < 3; i++) {
    if (at + i >= bytes.length) return i > 0 ? 'short' : undefined;
    if (bytes[at + i] !== [0x49, 0x44, 0x33][i]) return undefined;
  }
  if (at + HEADER_BYTES > bytes.length) return 'short';
  for (let i = 6; i < HEADER_BYTES; i++) if (bytes[at + i]! >= 0x80) return undefined;
  const hasFooter = bytes[at + 3]! >= 4 && (bytes[at + 5]! & FOOTER) !== 0;
  return HEADER_BYTES + synchsafe(bytes, at + 6) + (hasFooter ? HEADER_BYTES : 0);
}

/**
 * Reads a tag.
 *
 * @param bytes begin with `ID3`; bytes after the tag are ignored
 * @throws FormatError when it is no ID3v2.3 or 2.4 tag, or is cut short
 */
export function parseId3(bytes: Uint8Array): Id3Tag {
  const length = id3Length(bytes);
  if (typeof length !== 'number') throw new FormatError('this is not an ID3 tag', 0);
  const version = bytes[3]!;
  const flags = bytes[5]!;
  if (version !== 3 && version !== 4) throw new FormatError(`ID3v2.${version} is not known`, 3);
  const end = HEADER_BYTES + synchsafe(bytes, 6);
  if (length > bytes.length) throw new FormatError('the ID3 tag ends early', 6);
  // Bytes were put in between: nothing carried in a stream does that, and what it holds can be kept without
  // being read.
  if (version === 3 && flags & UNSYNCHRONISED) return { version, frames: [], length };
  const frames: Id3Frame[] = [];
  for (let at = firstFrame(bytes, version, flags, end); at + HEADER_BYTES <= end && bytes[at] !== 0; ) {
    const size = version === 4 ? synchsafe(bytes, at + 4) : u32(bytes, at + 4);
    const body = at + HEADER_BYTES;
    if (body + size > end) throw new FormatError('an ID3 frame reaches past its tag', at);
    if (frames.length === MAX_FRAMES) throw new FormatError('too many ID3 frames', at);
    const id = String.fromCharCode(...bytes.subarray(at, at + 4));
    if (!/^[A-Z0-9]{4}$/.test(id)) throw new FormatError('an ID3 frame has no name', at);
    frames.push({ id, body: bytes.subarray(body, body + size), offset: at });
    at = body + size;
  }
  return { version, frames, length };
}

/**
 * The tag with as many of its first frames as fit; a tag without padding, footer and extended header.
 *
 * @param bytes a complete tag
 * @returns at most `maxBytes` bytes; undefined where not even one frame fits
 * @throws FormatError as parseId3
 */
export function boundId3(bytes: Uint8Array, maxBytes: number): Uint8Array | undefined {
  const { version, frames, length } = parseId3(bytes);
  if (length <= maxBytes) return bytes.subarray(0, length);
  const kept: Id3Frame[] = [];
  let size = 0;
  for (const frame of frames) {
    const whole = HEADER_BYTES + frame.body.length;
    if (HEADER_BYTES + size + whole > maxBytes) continue;
    size += whole;
    kept.push(frame);
  }
  if (kept.length === 0) return undefined;
  const tag = new Uint8Array(HEADER_BYTES + size);
  tag.set([0x49, 0x44, 0x33, version, bytes[4]!, version === 4 ? bytes[5]! & UNSYNCHRONISED : 0]);
  for (let i = 0; i < 4; i++) tag[9 - i] = (size >>> (7 * i)) & 0x7f;
  let at = HEADER_BYTES;
  for (const { offset, body } of kept) {
    tag.set(bytes.subarray(offset, offset + HEADER_BYTES + body.length), at);
    at += HEADER_BYTES + body.length;
  }
  return tag;
}

function firstFrame(bytes: Uint8Array, version: number, flags: number, end: number): number {
  if (!(flags & EXTENDED)) return HEADER_BYTES;
  if (end < HEADER_BYTES + 4) throw new FormatError('the extended ID3 header ends early', HEADER_BYTES);
  // In 2.4 the size counts itself, in 2.3 it does not.
  return HEADER_BYTES + (version === 4 ? synchsafe(bytes, HEADER_BYTES) : 4 + u32(bytes, HEADER_BYTES));
}

/** 28 bits in four bytes (ID3v2.4.0, 6.2). */
function synchsafe(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let i = 0; i < 4; i++) {
    const byte = bytes[at + i]!;
    if (byte >= 0x80) throw new FormatError('a size of the ID3 tag is malformed', at + i);
    value = value * 128 + byte;
  }
  return value;
}

function u32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}
