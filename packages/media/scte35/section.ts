/**
 * Parses SCTE 35 splice information: command, time and duration.
 * In: a splice_info_section. Out: its command and segmentation descriptors, or a FormatError. Pure. ANSI/SCTE
 * 35, 9.6 to 9.8, 10.3.
 */
import { BitReader } from '../bits.ts';
import { crc32Mpeg } from '../crc32-mpeg.ts';
import { FormatError } from '../errors.ts';

/** Content of a section. Times are ticks of 90 kHz, 33 bits, pts_adjustment already added. */
export type SpliceCommand =
  | { readonly kind: 'null' | 'schedule' | 'reservation' | 'private' | 'encrypted' | 'unknown' }
  | {
      readonly kind: 'insert';
      readonly eventId: number;
      readonly cancelled: boolean;
      /** Out of the network: a break begins; otherwise it ends. */
      readonly out: boolean;
      /** Absent: at once, or component by component. */
      readonly pts?: number;
      /** break_duration, ticks of 90 kHz. */
      readonly duration?: number;
    }
  | { readonly kind: 'signal'; readonly pts?: number };

/** A segmentation_descriptor (10.3.3). */
interface Segmentation {
  readonly eventId: number;
  readonly cancelled: boolean;
  /** segmentation_type_id. */
  readonly type: number;
  /** Ticks of 90 kHz. */
  readonly duration?: number;
}

/** A splice_info_section. */
interface SpliceSection {
  readonly command: SpliceCommand;
  readonly segmentations: readonly Segmentation[];
}

const WRAP = 2 ** 33;
const TABLE_ID = 0xfc;
/** Bytes before the command, splice_command_type included. */
const HEAD_BYTES = 14;
const CRC_BYTES = 4;
/** 'CUEI': the owner of the descriptors that the standard defines. */
const CUEI = 0x43554549;
const SEGMENTATION_TAG = 2;
const MAX_DESCRIPTORS = 100;

/**
 * Reads a section.
 *
 * @param bytes from table_id to CRC; bytes after the CRC are ignored
 * @throws FormatError when it is cut short, fails its CRC, or is another table
 */
export function parseSpliceSection(bytes: Uint8Array): SpliceSection {
  const length = lengthOf(bytes);
  if (crc32Mpeg(bytes, 0, length) !== 0) throw new FormatError('the splice section fails its CRC', length - CRC_BYTES);
  const head = new BitReader(bytes, 'splice section', 3, length - CRC_BYTES);
  head.skip(8);
  const encrypted = head.flag();
  head.skip(6);
  const adjustment = u33(head);
  head.skip(8 + 12);
  const commandLength = head.u(12);
  const type = head.u(8);
  if (encrypted) return { command: { kind: 'encrypted' }, segmentations: [] };
  const reader = new BitReader(bytes, 'splice command', HEAD_BYTES, length - CRC_BYTES);
  const command = parseCommand(reader, type, adjustment);
  reader.align();
  // 0xFFF: written by machines that did not know it; the command says itself how long it is, those that
  // follow a standard.
  const end = commandLength === 0xfff ? reader.offset / 8 : HEAD_BYTES + commandLength;
  if (commandLength === 0xfff && command.kind !== 'insert' && command.kind !== 'signal' && command.kind !== 'null') {
    return { command, segmentations: [] };
  }
  return { command, segmentations: parseDescriptors(bytes, end, length - CRC_BYTES) };
}

/**
 * Shifts all times of a section: pts_adjustment exists for systems that restamp a stream (9.6).
 *
 * @param ticks of 90 kHz, whole, may be negative
 * @returns a copy; the section itself where it is no section that could be moved
 */
export function restampSection(bytes: Uint8Array, ticks: number): Uint8Array {
  if (bytes.length < HEAD_BYTES + CRC_BYTES || bytes[0] !== TABLE_ID || (bytes[4]! & 0x80) !== 0) return bytes;
  const length = 3 + (((bytes[1]! & 0x0f) << 8) | bytes[2]!);
  if (length < HEAD_BYTES + CRC_BYTES || length > bytes.length) return bytes;
  const moved = new Uint8Array(bytes.subarray(0, length));
  const before = (moved[4]! & 1) * 2 ** 32 + new DataView(moved.buffer).getUint32(5);
  const after = (((before + ticks) % WRAP) + WRAP) % WRAP;
  const view = new DataView(moved.buffer);
  moved[4] = (moved[4]! & 0xfe) | (after >= 2 ** 32 ? 1 : 0);
  view.setUint32(5, after % 2 ** 32);
  view.setUint32(length - CRC_BYTES, crc32Mpeg(moved, 0, length - CRC_BYTES));
  return moved;
}

/** Bytes of the section, CRC included. */
function lengthOf(bytes: Uint8Array): number {
  if (bytes.length < 3 || bytes[0] !== TABLE_ID) throw new FormatError('this is not a splice section', 0);
  const length = 3 + (((bytes[1]! & 0x0f) << 8) | bytes[2]!);
  if (length < HEAD_BYTES + CRC_BYTES || length > bytes.length)
    throw new FormatError('the splice section ends early', 1);
  return length;
}

function u33(reader: BitReader): number {
  return reader.u(1) * 2 ** 32 + reader.u(32);
}

function parseCommand(reader: BitReader, type: number, adjustment: number): SpliceCommand {
  switch (type) {
    case 0x00:
      return { kind: 'null' };
    case 0x04:
      return { kind: 'schedule' };
    case 0x05:
      return parseInsert(reader, adjustment);
    case 0x06: {
      const pts = parseSpliceTime(reader, adjustment);
      return { kind: 'signal', ...(pts !== undefined && { pts }) };
    }
    case 0x07:
      return { kind: 'reservation' };
    case 0xff:
      return { kind: 'private' };
    default:
      return { kind: 'unknown' };
  }
}

/** splice_time() (9.8.1). */
function parseSpliceTime(reader: BitReader, adjustment: number): number | undefined {
  const specified = reader.flag();
  if (!specified) {
    reader.skip(7);
    return undefined;
  }
  reader.skip(6);
  return (u33(reader) + adjustment) % WRAP;
}

/** splice_insert() (9.7.3). */
function parseInsert(reader: BitReader, adjustment: number): SpliceCommand {
  const eventId = reader.u(32);
  const cancelled = reader.flag();
  reader.skip(7);
  if (cancelled) return { kind: 'insert', eventId, cancelled, out: false };
  const out = reader.flag();
  const wholeProgram = reader.flag();
  const hasDuration = reader.flag();
  const immediate = reader.flag();
  reader.skip(4);
  let pts: number | undefined;
  if (wholeProgram && !immediate) pts = parseSpliceTime(reader, adjustment);
  if (!wholeProgram) {
    const components = reader.u(8);
    for (let i = 0; i < components; i++) {
      reader.skip(8);
      // The splice time of the first component counts for the program.
      if (!immediate) pts ??= parseSpliceTime(reader, adjustment);
    }
  }
  let duration: number | undefined;
  if (hasDuration) {
    reader.skip(7);
    duration = u33(reader);
  }
  reader.skip(32);
  return {
    kind: 'insert',
    eventId,
    cancelled,
    out,
    ...(pts !== undefined && { pts }),
    ...(duration !== undefined && { duration }),
  };
}

function parseDescriptors(bytes: Uint8Array, from: number, end: number): Segmentation[] {
  const reader = new BitReader(bytes, 'splice descriptors', from, end);
  let left = reader.u(16);
  if (left * 8 > reader.left) throw new FormatError('the splice descriptors end early', from);
  const segmentations: Segmentation[] = [];
  for (let count = 0; left >= 2; count++) {
    if (count === MAX_DESCRIPTORS) throw new FormatError('too many splice descriptors', from);
    const tag = reader.u(8);
    const length = reader.u(8);
    const start = reader.offset / 8;
    if (length + 2 > left) throw new FormatError('a splice descriptor ends early', start);
    if (tag === SEGMENTATION_TAG && length >= 9) {
      const segmentation = parseSegmentation(new BitReader(bytes, 'segmentation descriptor', start, start + length));
      if (segmentation) segmentations.push(segmentation);
    }
    reader.skip(length * 8);
    left -= length + 2;
  }
  return segmentations;
}

function parseSegmentation(reader: BitReader): Segmentation | undefined {
  if (reader.u(32) !== CUEI) return undefined;
  const eventId = reader.u(32);
  const cancelled = reader.flag();
  reader.skip(7);
  if (cancelled) return { eventId, cancelled, type: 0 };
  const wholeProgram = reader.flag();
  const hasDuration = reader.flag();
  reader.skip(6);
  if (!wholeProgram) reader.skip(reader.u(8) * 6 * 8);
  const duration = hasDuration ? reader.u(8) * 2 ** 32 + reader.u(32) : undefined;
  reader.skip(8); // segmentation_upid_type
  reader.skip(reader.u(8) * 8);
  return { eventId, cancelled, type: reader.u(8), ...(duration !== undefined && { duration }) };
}
