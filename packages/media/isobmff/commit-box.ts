/**
 * The uuid boxes that index a chunk file: head (kind 0), commit of a segment group (1), seal (2).
 * In: fields, a CRC-32. Out: box bytes, and back. Pure. Big-endian; docs/media.md 22.
 *
 * | offset | field |
 * | --- | --- |
 * | 0 | u32 size, `uuid`, 16 bytes of user type |
 * | 24 | u8 version 1, u8 kind, u16 flags (0 gap before, 1 discontinuity, 2 source clock), u16 track count, u16 gap cause |
 * | 32 | u64 self (offset of this box in the file), u64 prev (that of the previous commit box, 0 = none) |
 * | 48 | kind 1: u64 msn, u64 run, i64 UTC offset µs, u32 discontinuity sequence, u32 reserved, u64 gap µs, i64 start µs, u64 duration µs |
 * | 104 | kind 1, per track 48 bytes: u32 id, u32 flags (0 independent, 1 damaged, 2 missing), u32 offset from the group's start, u32 length, u64 tfdt, u32 duration, i32 earliest pts − tfdt, u32 samples, u32 CRC of the segment's bytes, 8 reserved |
 * | then | kind 1, only with gaps before the group: u16 count; each u16 cause, u64 from µs, u64 to µs, u16 length, UTF-8 detail |
 * | end − 12 | u32 CRC of the box before this field, u32 size again, u32 `oxbw` |
 *
 * Causes are 0 for offline, else 1 + the index in `gapCauses`; the gap field is the sum of the gaps, its
 * cause the first that is not offline. Kind 0 has from 48 on: u16 length + stream id, u16 length + rendition
 * group id, u32 init number, 32 bytes init hash, u64 last msn of the previous file. Kind 2 has from 48 on
 * copies of all commit boxes of the file.
 */

import { ByteReader } from '../bytes.ts';
import { FormatError } from '../errors.ts';
import { type GapCause, gapCauses } from '../gap.ts';
import type { RunClock } from '../run.ts';
import type { StreamGap } from '../segment.ts';
import { BoxWriter, u32At } from './box.ts';

/** CRC-32 as zlib has it, unsigned. */
type Crc32 = (bytes: Uint8Array) => number;

/** The user type of oxbow's uuid boxes. */
export const commitUserType: Uint8Array = Uint8Array.from([
  0x6f, 0x78, 0x62, 0x6f, 0x77, 0xcc, 0x4d, 0x5e, 0xa1, 0xb0, 0x8d, 0x4c, 0x1e, 0x7a, 0x5f, 0x01,
]);
/** The trailer of a box with its CRC, size and magic, from which its start follows. */
const trailerLength = 12;
/** The largest commit box; windows of a search overlap by this. */
export const maxCommitBoxBytes = 64 * 1024;
const MAGIC = 0x6f786277; // oxbw
const FIXED = 104;
const PER_TRACK = 48;
const MAX_GAPS = 200;
const MAX_DETAIL_BYTES = 200;

/** Bit of a track's `flags`: it starts with a sync sample. */
export const independentFlag = 1;
/** Bit of a track's `flags`: frames were lost or skipped inside it. */
export const damagedFlag = 2;

/** One track's segment in a chunk file. */
export interface CommittedTrack {
  readonly trackId: number;
  /** First byte in the file. */
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
  /** Decode time of the first sample, ticks. */
  readonly tfdt: number;
  /** Ticks. */
  readonly duration: number;
  /** Earliest presentation time − tfdt, ticks. */
  readonly firstPtsOffset: number;
  readonly samples: number;
  /** Bits 1 independent, 2 damaged, 4 missing. */
  readonly flags: number;
  /** CRC-32 of the segment's bytes. */
  readonly crc: number;
}

/** A segment group in a chunk file, as the index stores it. */
export interface CommittedGroup {
  readonly msn: number;
  readonly run: number;
  /** The UTC offset of the run, µs since 1970. */
  readonly utcOffsetUs: number;
  readonly clock: RunClock;
  /** UTC of the cut, µs since 1970. */
  readonly startUs: number;
  /** µs. */
  readonly durationUs: number;
  readonly discontinuity: boolean;
  readonly discontinuitySequence: number;
  readonly gaps: readonly StreamGap[];
  /** At least one. */
  readonly tracks: readonly CommittedTrack[];
}

/** A parsed commit box. */
export interface CommitBox {
  readonly group: CommittedGroup;
  /** Offset of this box in the file. */
  readonly self: number;
  /** That of the previous commit box, 0 = none. */
  readonly prev: number;
}

/** Fields of the head box of a chunk file. */
export interface ChunkHead {
  readonly streamId: string;
  /** The group of renditions in the file, e.g. `source`. */
  readonly rendition: string;
  readonly initNumber: number;
  /** 64 lower-case hex digits. */
  readonly initHash: string;
  /** Last msn of the previous file, or 0. */
  readonly previousMsn: number;
}

function openCommon(
  kind: number,
  room: number,
  self: number,
  prev: number,
  flags = 0,
  tracks = 0,
  cause = 0,
): BoxWriter {
  const writer = new BoxWriter(new Uint8Array(room));
  writer.open('uuid');
  writer.raw(commitUserType);
  writer.u8(1);
  writer.u8(kind);
  writer.u16(flags);
  writer.u16(tracks);
  writer.u16(cause);
  writer.u64(self);
  writer.u64(prev);
  return writer;
}

function closeCommon(writer: BoxWriter, crc32: Crc32): Uint8Array {
  const size = writer.offset + trailerLength;
  new BoxWriter(writer.bytes).u32(size);
  writer.u32(crc32(writer.bytes.subarray(0, writer.offset)));
  writer.u32(size);
  writer.u32(MAGIC);
  return writer.bytes.subarray(0, size);
}

/** The number of a cause in a box: 0 offline, else 1 + its index in `gapCauses`. */
export function causeNumber(cause: StreamGap['cause']): number {
  return cause === 'offline' ? 0 : 1 + gapCauses.indexOf(cause);
}

/**
 * The cause of a number in a box. An unknown number, from a later version of oxbow, becomes `bad-media`.
 */
export function causeOf(number: number): StreamGap['cause'] {
  return number === 0 ? 'offline' : ((gapCauses as readonly GapCause[])[number - 1] ?? 'bad-media');
}

/** UTF-8 of a text, cut before the character that would exceed `maxBytes`. */
function boundedText(text: string, maxBytes: number): Uint8Array {
  const target = new Uint8Array(maxBytes);
  return target.subarray(0, new TextEncoder().encodeInto(text, target).written);
}

/** At most 200 gaps fit; the rest becomes one gap with the cause of its first. */
function boundGaps(gaps: readonly StreamGap[]): readonly StreamGap[] {
  if (gaps.length <= MAX_GAPS) return gaps;
  const tail = gaps.slice(MAX_GAPS - 1);
  const named = tail.find(({ cause }) => cause !== 'offline') ?? tail[0]!;
  const merged = { ...named, fromUs: tail[0]!.fromUs, toUs: tail.at(-1)!.toUs };
  return [...gaps.slice(0, MAX_GAPS - 1), merged];
}

/**
 * Writes a commit box (kind 1).
 *
 * @param group offsets are absolute; its first segment begins at `groupStart`
 * @param groupStart offset of the group in the file
 * @param self offset of the box, which is the end of the group
 */
export function printCommitBox(
  group: CommittedGroup,
  groupStart: number,
  self: number,
  prev: number,
  crc32: Crc32,
): Uint8Array {
  const gaps = boundGaps(group.gaps).map((gap) => ({
    ...gap,
    text: boundedText(gap.detail, MAX_DETAIL_BYTES),
  }));
  const gapUs = gaps.reduce((sum, { fromUs, toUs }) => sum + (toUs - fromUs), 0);
  const cause = gaps.find((gap) => gap.cause !== 'offline')?.cause ?? 'offline';
  let room = FIXED + group.tracks.length * PER_TRACK + trailerLength;
  if (gaps.length > 0) room += gaps.reduce((sum, { text }) => sum + 20 + text.length, 2);
  const flags = (gaps.length > 0 ? 1 : 0) | (group.discontinuity ? 2 : 0) | (group.clock === 'source' ? 4 : 0);
  const writer = openCommon(1, room, self, prev, flags, group.tracks.length, causeNumber(cause));
  writer.u64(group.msn);
  writer.u64(group.run);
  writer.u64(group.utcOffsetUs);
  writer.u32(group.discontinuitySequence);
  writer.u32(0);
  writer.u64(gapUs);
  writer.u64(group.startUs);
  writer.u64(group.durationUs);
  for (const track of group.tracks) {
    writer.u32(track.trackId);
    writer.u32(track.flags);
    writer.u32(track.offset - groupStart);
    writer.u32(track.length);
    writer.u64(track.tfdt);
    writer.u32(track.duration);
    writer.u32(track.firstPtsOffset);
    writer.u32(track.samples);
    writer.u32(track.crc);
    writer.zeros(8);
  }
  if (gaps.length > 0) {
    writer.u16(gaps.length);
    for (const gap of gaps) {
      writer.u16(causeNumber(gap.cause));
      writer.u64(gap.fromUs);
      writer.u64(gap.toUs);
      writer.u16(gap.text.length);
      writer.raw(gap.text);
    }
  }
  return closeCommon(writer, crc32);
}

/** Checks user type, version, kind, both sizes, magic and CRC; returns a reader after the kind. */
function openBox(bytes: Uint8Array, at: number, kind: number, crc32: Crc32): { reader: ByteReader; end: number } {
  const reader = new ByteReader(bytes, 'commit box', at);
  const size = reader.u32();
  if (reader.fourcc() !== 'uuid') throw new FormatError('this is not a commit box', at + 4);
  const userType = reader.take(16);
  if (userType.some((byte, i) => byte !== commitUserType[i])) throw new FormatError('the user type is another', at + 8);
  const end = at + size - trailerLength;
  if (size < 48 + trailerLength || at + size > bytes.length) throw new FormatError('commit box ends early', at);
  if (u32At(bytes, end + 4) !== size || u32At(bytes, end + 8) !== MAGIC)
    throw new FormatError('commit box is torn', end);
  if (u32At(bytes, end) !== crc32(bytes.subarray(at, end))) throw new FormatError('commit box fails its CRC', end);
  if (reader.u8() !== 1) throw new FormatError('commit box has an unknown version', at + 24);
  if (reader.u8() !== kind) throw new FormatError(`this box is not of kind ${kind}`, at + 25);
  return { reader: new ByteReader(bytes, 'commit box', reader.offset, end), end };
}

/**
 * Parses a commit box (kind 1).
 *
 * @param bytes contain the complete box from `at` on
 * @throws FormatError if it is torn, fails its CRC, or is another box
 */
export function parseCommitBox(bytes: Uint8Array, at: number, crc32: Crc32): CommitBox {
  const { reader } = openBox(bytes, at, 1, crc32);
  const flags = reader.u16();
  const trackCount = reader.u16();
  reader.skip(2);
  const self = reader.u64();
  const prev = reader.u64();
  const msn = reader.u64();
  const run = reader.u64();
  const utcOffsetUs = reader.i64();
  const discontinuitySequence = reader.u32();
  reader.skip(4 + 8);
  const startUs = reader.i64();
  const durationUs = reader.u64();
  const tracks: CommittedTrack[] = [];
  let groupLength = 0;
  for (let i = 0; i < trackCount; i++) {
    const trackId = reader.u32();
    const trackFlags = reader.u32();
    const offset = reader.u32();
    const length = reader.u32();
    const tfdt = reader.u64();
    const duration = reader.u32();
    const firstPtsOffset = reader.i32();
    const samples = reader.u32();
    const crc = reader.u32();
    reader.skip(8);
    groupLength = Math.max(groupLength, offset + length);
    tracks.push({ trackId, offset, length, tfdt, duration, firstPtsOffset, samples, flags: trackFlags, crc });
  }
  const groupStart = self - groupLength;
  if (groupStart < 0) throw new FormatError('the group begins before the file', at + 32);
  const group: CommittedGroup = {
    msn,
    run,
    utcOffsetUs,
    clock: flags & 4 ? 'source' : 'arrival',
    startUs,
    durationUs,
    discontinuity: (flags & 2) !== 0,
    discontinuitySequence,
    gaps: parseGaps(reader),
    tracks: tracks.map((track) => ({ ...track, offset: groupStart + track.offset })),
  };
  return { group, self, prev };
}

function parseGaps(reader: ByteReader): StreamGap[] {
  const gaps: StreamGap[] = [];
  const count = reader.left > 0 ? reader.u16() : 0;
  for (let i = 0; i < count; i++) {
    const cause = causeOf(reader.u16());
    const fromUs = reader.i64();
    const toUs = reader.i64();
    gaps.push({ fromUs, toUs, cause, detail: readText(reader) });
  }
  return gaps;
}

function readText(reader: ByteReader): string {
  return new TextDecoder().decode(new Uint8Array(reader.take(reader.u16())));
}

/**
 * Writes the head box (kind 0).
 *
 * @param self where it will stand
 */
export function printHeadBox(head: ChunkHead, self: number, crc32: Crc32): Uint8Array {
  const streamId = boundedText(head.streamId, 1024);
  const rendition = boundedText(head.rendition, 1024);
  const writer = openCommon(0, 48 + 4 + streamId.length + rendition.length + 4 + 32 + 8 + trailerLength, self, 0);
  for (const text of [streamId, rendition]) {
    writer.u16(text.length);
    writer.raw(text);
  }
  writer.u32(head.initNumber);
  for (let i = 0; i < 32; i++) writer.u8(Number.parseInt(head.initHash.slice(i * 2, i * 2 + 2), 16));
  writer.u64(head.previousMsn);
  return closeCommon(writer, crc32);
}

/**
 * Parses the head box (kind 0).
 *
 * @throws FormatError if it is torn, fails its CRC, or is another box
 */
export function parseHeadBox(bytes: Uint8Array, at: number, crc32: Crc32): ChunkHead {
  const { reader } = openBox(bytes, at, 0, crc32);
  reader.skip(6 + 16);
  const streamId = readText(reader);
  const rendition = readText(reader);
  const initNumber = reader.u32();
  const initHash = Array.from(reader.take(32), (byte) => byte.toString(16).padStart(2, '0')).join('');
  return { streamId, rendition, initNumber, initHash, previousMsn: reader.u64() };
}

/**
 * Writes the seal box (kind 2), which ends a sealed file.
 *
 * @param boxes the commit boxes of the file, oldest first
 * @param self where it will stand
 * @param prev offset of the last commit box
 */
export function printSealBox(boxes: readonly Uint8Array[], self: number, prev: number, crc32: Crc32): Uint8Array {
  const room = boxes.reduce((sum, box) => sum + box.length, 48 + trailerLength);
  const writer = openCommon(2, room, self, prev);
  for (const box of boxes) writer.raw(box);
  return closeCommon(writer, crc32);
}

/**
 * Parses a seal box (kind 2).
 *
 * @returns the groups, oldest first, and the offset of the box in its file
 * @throws FormatError if it or one of its copies is torn or fails its CRC
 */
export function parseSealBox(
  bytes: Uint8Array,
  at: number,
  crc32: Crc32,
): { boxes: CommitBox[]; self: number; prev: number } {
  const { reader, end } = openBox(bytes, at, 2, crc32);
  reader.skip(6);
  const self = reader.u64();
  const prev = reader.u64();
  const boxes: CommitBox[] = [];
  for (let next = reader.offset; next < end; next += u32At(bytes, next)) {
    boxes.push(parseCommitBox(bytes.subarray(0, end), next, crc32));
  }
  return { boxes, self, prev };
}

/**
 * The size of the box that ends with these bytes.
 *
 * @param tail at least the last 12 bytes of a file
 * @returns bytes; undefined without a valid trailer
 */
export function sizeFromTrailer(tail: Uint8Array): number | undefined {
  if (tail.length < trailerLength || u32At(tail, tail.length - 4) !== MAGIC) return undefined;
  return u32At(tail, tail.length - 8);
}
