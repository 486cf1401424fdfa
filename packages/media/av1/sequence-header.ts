/**
 * The AV1 sequence header: size and profile of a stream, and the configuration record that follows from it.
 * In: open bitstream units of a record or of a temporal unit. Out: a VideoConfig, key frames. Pure.
 * AV1 Bitstream, 5.3 (OBU headers), 5.5 (sequence header), 5.9.2 (frame header); AV1 in ISO BMFF, 2.3.
 */
import { BitReader } from '../bits.ts';
import { concatBytes } from '../bytes.ts';
import { FormatError } from '../errors.ts';
import type { VideoConfig } from '../frame.ts';
import type { Colours } from '../h264/vui.ts';
import { av1Codecs } from './av1c.ts';

const OBU_SEQUENCE_HEADER = 1;
const OBU_FRAME_HEADER = 3;
const OBU_FRAME = 6;
const KEY_FRAME = 0;
/** Most units of one temporal unit. */
const MAX_UNITS = 4096;
/** Bytes of a record before its open bitstream units. */
const RECORD_HEAD_BYTES = 4;
const MAX_HEADER_BYTES = 4096;

/** The fields of a sequence header that oxbow reads. */
interface SequenceHeader {
  readonly profile: number;
  readonly level: number;
  readonly tier: number;
  readonly highBitDepth: boolean;
  readonly twelveBit: boolean;
  readonly monochrome: boolean;
  readonly subsamplingX: number;
  readonly subsamplingY: number;
  readonly chromaPosition: number;
  readonly width: number;
  readonly height: number;
  readonly frameRate: number | undefined;
  /** Undefined where it says nothing. */
  readonly colours: Colours | undefined;
  readonly fullRange: boolean;
}

/** The properties of a temporal unit, read without decoding. */
interface Av1Unit {
  /** Its sequence header, with OBU header and size; undefined if it has none. */
  readonly sequenceHeader: Uint8Array | undefined;
  /** The first frame is a key frame. */
  readonly isKey: boolean;
}

/**
 * Walks the open bitstream units of a temporal unit.
 *
 * @param bytes units that each carry their size; views of it are returned
 * @throws FormatError if a size exceeds the bytes, or there are more than 4,096 units
 */
export function parseAv1Unit(bytes: Uint8Array): Av1Unit {
  let sequenceHeader: Uint8Array | undefined;
  let isKey: boolean | undefined;
  let at = 0;
  for (let units = 0; at < bytes.length; units++) {
    if (units === MAX_UNITS) throw new FormatError(`more than ${MAX_UNITS} units in a temporal unit`, at);
    const head = bytes[at]!;
    let from = at + (head & 4 ? 2 : 1);
    let end = bytes.length;
    if (head & 2) {
      const size = leb128(bytes, from);
      from = size.end;
      end = from + size.value;
      if (end > bytes.length) throw new FormatError('an open bitstream unit ends after its temporal unit', at);
    }
    const type = (head >> 3) & 15;
    if (type === OBU_SEQUENCE_HEADER) sequenceHeader ??= bytes.subarray(at, end);
    // show_existing_frame, then frame_type.
    const isFrame = type === OBU_FRAME || type === OBU_FRAME_HEADER;
    if (isFrame && from < end) isKey ??= bytes[from]! >> 7 === 0 && ((bytes[from]! >> 5) & 3) === KEY_FRAME;
    at = end;
  }
  return { sequenceHeader, isKey: isKey ?? false };
}

function leb128(bytes: Uint8Array, from: number): { value: number; end: number } {
  let value = 0;
  for (let i = 0; i < 8; i++) {
    const byte = bytes[from + i];
    if (byte === undefined) throw new FormatError('the size of an open bitstream unit ends early', from);
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return { value, end: from + i + 1 };
  }
  throw new FormatError('the size of an open bitstream unit has more than 8 bytes', from);
}

/** The sequence header within an `av1C`; undefined if the record has none. */
export function sequenceHeaderOf(record: Uint8Array): Uint8Array | undefined {
  return parseAv1Unit(record.subarray(RECORD_HEAD_BYTES)).sequenceHeader;
}

/**
 * The configuration of a track from its sequence header; its record is the body of an `av1C` box.
 *
 * @param unit the sequence header with OBU header and size; copied
 * @throws FormatError if it ends early
 */
export function av1Config(unit: Uint8Array): VideoConfig {
  const header = parseSequenceHeader(unit);
  const { profile, level, tier, width, height, frameRate } = header;
  const bits = (tier << 7) | (Number(header.highBitDepth) << 6) | (Number(header.twelveBit) << 5);
  const chroma = (header.subsamplingX << 3) | (header.subsamplingY << 2) | header.chromaPosition;
  const head = Uint8Array.of(0x81, (profile << 5) | level, bits | (Number(header.monochrome) << 4) | chroma, 0);
  const record = concatBytes([head, unit]);
  const config = { codec: 'av1', record, codecs: av1Codecs(record), width, height } as const;
  return frameRate === undefined ? config : { ...config, frameRate };
}

/**
 * The colours of the sequence header in an `av1C`; undefined where there is none.
 *
 * @throws FormatError
 */
export function av1Colours(
  record: Uint8Array,
): Pick<SequenceHeader, 'colours' | 'fullRange' | 'highBitDepth' | 'twelveBit'> | undefined {
  const unit = sequenceHeaderOf(record);
  return unit && parseSequenceHeader(unit);
}

function parseSequenceHeader(unit: Uint8Array): SequenceHeader {
  const head = unit[0] ?? 0;
  let from = head & 4 ? 2 : 1;
  if (head & 2) from = leb128(unit, from).end;
  const bits = new BitReader(unit, 'AV1 sequence header', from, Math.min(unit.length, from + MAX_HEADER_BYTES));
  const profile = bits.u(3);
  bits.skip(1); // still_picture
  const isReduced = bits.flag();
  const operating = isReduced ? { level: bits.u(5), tier: 0, frameRate: undefined } : parseOperatingPoints(bits);
  const widthBits = bits.u(4) + 1;
  const heightBits = bits.u(4) + 1;
  const width = bits.u(widthBits) + 1;
  const height = bits.u(heightBits) + 1;
  if (!isReduced && bits.flag()) bits.skip(7); // frame ids
  bits.skip(3); // superblocks, intra filters
  if (!isReduced) skipTools(bits);
  bits.skip(3); // superres, cdef, restoration
  return { profile, ...operating, width, height, ...parseColour(bits, profile) };
}

function parseOperatingPoints(bits: BitReader): Pick<SequenceHeader, 'level' | 'tier' | 'frameRate'> {
  let frameRate: number | undefined;
  let delayBits = 0;
  if (bits.flag()) {
    const units = bits.u(32);
    const timescale = bits.u(32);
    const isEven = bits.flag();
    const ticks = isEven ? bits.ue() + 1 : 1; // uvlc() is coded as ue(v)
    if (isEven && units > 0) frameRate = timescale / (units * ticks);
    if (bits.flag()) {
      delayBits = bits.u(5) + 1;
      bits.skip(32 + 5 + 5);
    }
  }
  const hasDelay = bits.flag();
  const points = bits.u(5) + 1;
  let level = 0;
  let tier = 0;
  for (let i = 0; i < points; i++) {
    bits.skip(12);
    const itsLevel = bits.u(5);
    const itsTier = itsLevel > 7 ? bits.u(1) : 0;
    if (delayBits > 0 && bits.flag()) bits.skip(2 * delayBits + 1);
    if (hasDelay && bits.flag()) bits.skip(4);
    if (i === 0) [level, tier] = [itsLevel, itsTier];
  }
  return { level, tier, frameRate };
}

/** Tools from enable_interintra_compound to order_hint_bits_minus_1. */
function skipTools(bits: BitReader): void {
  bits.skip(4);
  const hasOrder = bits.flag();
  if (hasOrder) bits.skip(2);
  const forcesScreen = bits.flag() ? 2 : bits.u(1);
  if (forcesScreen > 0 && !bits.flag()) bits.skip(1);
  if (hasOrder) bits.skip(3);
}

type Colour =
  | 'colours'
  | 'fullRange'
  | 'highBitDepth'
  | 'twelveBit'
  | 'monochrome'
  | 'subsamplingX'
  | 'subsamplingY'
  | 'chromaPosition';

function parseColour(bits: BitReader, profile: number): Pick<SequenceHeader, Colour> {
  const highBitDepth = bits.flag();
  const twelveBit = profile === 2 && highBitDepth && bits.flag();
  const monochrome = profile !== 1 && bits.flag();
  const colours = bits.flag() ? { primaries: bits.u(8), transfer: bits.u(8), matrix: bits.u(8) } : undefined;
  const isSrgb = !monochrome && colours?.primaries === 1 && colours.transfer === 13 && colours.matrix === 0;
  const fullRange = isSrgb || bits.flag(); // color_range
  const depth = { highBitDepth, twelveBit, monochrome, colours, fullRange };
  if (monochrome) return { ...depth, subsamplingX: 1, subsamplingY: 1, chromaPosition: 0 };
  if (isSrgb) return { ...depth, subsamplingX: 0, subsamplingY: 0, chromaPosition: 0 };
  let [subsamplingX, subsamplingY] = profile === 0 ? [1, 1] : profile === 1 ? [0, 0] : [1, 0];
  if (profile === 2 && twelveBit) {
    subsamplingX = bits.u(1);
    subsamplingY = subsamplingX === 1 ? bits.u(1) : 0;
  }
  const chromaPosition = subsamplingX === 1 && subsamplingY === 1 ? bits.u(2) : 0;
  return { ...depth, subsamplingX, subsamplingY, chromaPosition };
}
