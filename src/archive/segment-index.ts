/**
 * Packs the groups of a chunk file for the database; predictable fields are omitted.
 * In: committed groups. Out: a blob, and the same groups back. About 14 bytes per segment and track.
 *
 * The blob: u8 version 1, count, then per group a byte of flags and the fields that differ from the
 * prediction, then its tracks. All numbers are LEB128; differences are zigzag. Prediction: the next MSN, the
 * same run and UTC offset, a start at the end of the previous group, adjacent offsets, a tfdt at the end of
 * the previous segment, and all else unchanged.
 */
import { FormatError } from '@oxbow/media/errors';
import { type CommittedGroup, type CommittedTrack, causeNumber, causeOf } from '@oxbow/media/isobmff/commit-box';
import type { StreamGap } from '@oxbow/media/segment';

const VERSION = 1;
const MAX_GROUPS = 100_000;
const MAX_TRACKS = 255;
const MAX_TEXT_BYTES = 4096;

// Bits of a group.
const DISCONTINUITY = 1;
const SOURCE_CLOCK = 2;
const GAPS = 4;
const RUN = 8;
const MSN = 16;
const START = 32;
const DURATION = 64;
const TRACKS = 128;
// Bits of a track, set if a field differs from the prediction.
const OFFSET = 1;
const TFDT = 2;
const LENGTH_OF_TIME = 4;
const FIRST_PTS = 8;
const SAMPLES = 16;
const FLAGS = 32;

/** State for the prediction of the next group. */
interface Before {
  group: Omit<CommittedGroup, 'gaps' | 'tracks' | 'discontinuity' | 'clock'>;
  trackIds: readonly number[];
  /** Of the last group, in the order of `trackIds`. */
  tracks: readonly CommittedTrack[];
  /** Last segment of each track that is not in the last group. */
  older: Map<number, CommittedTrack>;
  /** End of the last segment. */
  end: number;
  /** Bytes between the last two groups: the commit box. */
  boxLength: number;
}

function nothingBefore(): Before {
  const group = { msn: -1, run: 0, utcOffsetUs: 0, startUs: 0, durationUs: 0, discontinuitySequence: 0 };
  return { group, trackIds: [], tracks: [], older: new Map(), end: 0, boxLength: 0 };
}

function blankTrack(trackId: number): CommittedTrack {
  return { trackId, offset: 0, length: 0, tfdt: 0, duration: 0, firstPtsOffset: 0, samples: 0, flags: 1, crc: 0 };
}

function advance(before: Before, group: CommittedGroup, trackIds: readonly number[]): void {
  if (trackIds !== before.trackIds) for (const track of before.tracks) before.older.set(track.trackId, track);
  before.group = group;
  before.trackIds = trackIds;
  before.tracks = group.tracks;
  const first = group.tracks[0];
  if (first && before.end > 0) before.boxLength = first.offset - before.end;
  const last = group.tracks.at(-1);
  if (last) before.end = last.offset + last.length;
}

/** The segment before of the track at `index` of a group with these tracks. */
function trackBefore(before: Before, trackIds: readonly number[], index: number): CommittedTrack {
  const trackId = trackIds[index]!;
  if (trackIds === before.trackIds) return before.tracks[index]!;
  const last = before.tracks.find((track) => track.trackId === trackId);
  return last ?? before.older.get(trackId) ?? blankTrack(trackId);
}

/** Of nearly every group. */
const NO_GAPS: readonly StreamGap[] = [];

class Packer {
  #bytes = new Uint8Array(1024);
  #at = 0;

  byte(value: number): void {
    if (this.#at === this.#bytes.length) {
      const larger = new Uint8Array(this.#at * 2);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes[this.#at++] = value;
  }

  unsigned(value: number): void {
    let left = value;
    for (; left >= 128; left = Math.floor(left / 128)) this.byte((left % 128) | 128);
    this.byte(left);
  }

  signed(value: number): void {
    this.unsigned(value < 0 ? -2 * value - 1 : 2 * value);
  }

  text(text: string): void {
    const bytes = new TextEncoder().encode(text).subarray(0, MAX_TEXT_BYTES);
    this.unsigned(bytes.length);
    for (const byte of bytes) this.byte(byte);
  }

  u32(value: number): void {
    for (let shift = 24; shift >= 0; shift -= 8) this.byte((value >>> shift) & 255);
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#at);
  }
}

/**
 * Packs the groups of one chunk file.
 *
 * @param groups oldest first; every number within ±2^52, details up to 4,096 bytes of UTF-8
 */
export function packSegments(groups: readonly CommittedGroup[]): Uint8Array {
  const out = new Packer();
  out.byte(VERSION);
  out.unsigned(groups.length);
  const before = nothingBefore();
  for (const group of groups) {
    const last = before.group;
    const isSame =
      group.tracks.length === before.trackIds.length &&
      group.tracks.every(({ trackId }, i) => trackId === before.trackIds[i]);
    const ids = isSame ? before.trackIds : group.tracks.map(({ trackId }) => trackId);
    const sameRun =
      group.run === last.run &&
      group.utcOffsetUs === last.utcOffsetUs &&
      group.discontinuitySequence === last.discontinuitySequence;
    const bits =
      (group.discontinuity ? DISCONTINUITY : 0) |
      (group.clock === 'source' ? SOURCE_CLOCK : 0) |
      (group.gaps.length > 0 ? GAPS : 0) |
      (sameRun ? 0 : RUN) |
      (group.msn === last.msn + 1 ? 0 : MSN) |
      (group.startUs === last.startUs + last.durationUs ? 0 : START) |
      (group.durationUs === last.durationUs ? 0 : DURATION) |
      (isSame ? 0 : TRACKS);
    out.byte(bits);
    if (bits & RUN) {
      out.signed(group.run - last.run);
      out.signed(group.utcOffsetUs - last.utcOffsetUs);
      out.signed(group.discontinuitySequence - last.discontinuitySequence);
    }
    if (bits & MSN) out.signed(group.msn - last.msn);
    if (bits & START) out.signed(group.startUs - last.startUs - last.durationUs);
    if (bits & DURATION) out.signed(group.durationUs - last.durationUs);
    if (bits & TRACKS) {
      out.unsigned(ids.length);
      for (const id of ids) out.unsigned(id);
    }
    if (bits & GAPS) packGaps(out, group.gaps);
    let end = before.end + before.boxLength;
    for (const [i, track] of group.tracks.entries()) {
      packTrack(out, track, trackBefore(before, ids, i), end);
      end = track.offset + track.length;
    }
    advance(before, group, ids);
  }
  return out.finish();
}

function packGaps(out: Packer, gaps: readonly StreamGap[]): void {
  out.unsigned(gaps.length);
  for (const gap of gaps) {
    out.unsigned(causeNumber(gap.cause));
    out.signed(gap.fromUs);
    out.signed(gap.toUs - gap.fromUs);
    out.text(gap.detail);
  }
}

function packTrack(out: Packer, track: CommittedTrack, last: CommittedTrack, end: number): void {
  const bits =
    (track.offset === end ? 0 : OFFSET) |
    (track.tfdt === last.tfdt + last.duration ? 0 : TFDT) |
    (track.duration === last.duration ? 0 : LENGTH_OF_TIME) |
    (track.firstPtsOffset === last.firstPtsOffset ? 0 : FIRST_PTS) |
    (track.samples === last.samples ? 0 : SAMPLES) |
    (track.flags === last.flags ? 0 : FLAGS);
  out.byte(bits);
  out.unsigned(track.length);
  if (bits & OFFSET) out.signed(track.offset - end);
  if (bits & TFDT) out.signed(track.tfdt - last.tfdt - last.duration);
  if (bits & LENGTH_OF_TIME) out.signed(track.duration - last.duration);
  if (bits & FIRST_PTS) out.signed(track.firstPtsOffset - last.firstPtsOffset);
  if (bits & SAMPLES) out.signed(track.samples - last.samples);
  if (bits & FLAGS) out.unsigned(track.flags);
  out.u32(track.crc);
}

/** Copies a group of a SegmentWalker, to keep it. */
export function copyGroup<G extends CommittedGroup>(group: G): G {
  return { ...group, tracks: group.tracks.map((track) => ({ ...track })) };
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };
type WalkedGroup = Writable<Omit<CommittedGroup, 'tracks'>> & { tracks: Writable<CommittedTrack>[] };

/**
 * Unpacks groups one by one into the same object: a playlist of a day reads 43,200, and creating objects
 * costs more than reading.
 */
export class SegmentWalker {
  readonly #cursor: Cursor;
  readonly #group: WalkedGroup = {
    msn: -1,
    run: 0,
    utcOffsetUs: 0,
    clock: 'arrival',
    startUs: 0,
    durationUs: 0,
    discontinuity: false,
    discontinuitySequence: 0,
    gaps: NO_GAPS,
    tracks: [],
  };
  /** Tracks of groups before the last one. */
  readonly #older = new Map<number, Writable<CommittedTrack>>();
  #left: number;
  /** End of the last segment, and bytes between the last two groups: the commit box. */
  #end = 0;
  #boxLength = 0;

  /**
   * @param blob result of `packSegments`
   * @throws FormatError if the version or the count is invalid
   */
  constructor(blob: Uint8Array) {
    this.#cursor = { bytes: blob, at: 0 };
    const version = byteAt(this.#cursor);
    if (version !== VERSION) throw new FormatError(`segment index version ${version} is unknown`, 0);
    this.#left = unsigned(this.#cursor);
    if (this.#left > MAX_GROUPS) throw new FormatError(`${this.#left} groups are too many`, 1);
  }

  /** The group of the last call of `next`; the next call overwrites it and its tracks. */
  get group(): CommittedGroup {
    return this.#group;
  }

  /**
   * Reads the next group; false if there is none.
   *
   * @throws FormatError if the blob is truncated, too long, or has invalid numbers
   */
  next(): boolean {
    const cursor = this.#cursor;
    if (this.#left === 0) {
      if (cursor.at < cursor.bytes.length) throw new FormatError('bytes are left over', cursor.at);
      return false;
    }
    this.#left--;
    const group = this.#group;
    const bits = byteAt(cursor);
    if (bits & RUN) {
      group.run += signed(cursor);
      group.utcOffsetUs += signed(cursor);
      group.discontinuitySequence += signed(cursor);
    }
    group.msn += bits & MSN ? signed(cursor) : 1;
    group.startUs += group.durationUs + (bits & START ? signed(cursor) : 0);
    if (bits & DURATION) group.durationUs += signed(cursor);
    if (bits & TRACKS) this.#changeTracks();
    group.gaps = bits & GAPS ? unpackGaps(cursor) : NO_GAPS;
    group.discontinuity = (bits & DISCONTINUITY) !== 0;
    group.clock = bits & SOURCE_CLOCK ? 'source' : 'arrival';
    let end = this.#end + this.#boxLength;
    for (let i = 0; i < group.tracks.length; i++) {
      const track = group.tracks[i]!;
      unpackTrack(cursor, track, end);
      end = track.offset + track.length;
      if (i === 0 && this.#end > 0) this.#boxLength = track.offset - this.#end;
    }
    if (group.tracks.length > 0) this.#end = end;
    return true;
  }

  #changeTracks(): void {
    const group = this.#group;
    const count = unsigned(this.#cursor);
    if (count > MAX_TRACKS) throw new FormatError(`${count} tracks are too many`, this.#cursor.at);
    for (const track of group.tracks) this.#older.set(track.trackId, track);
    group.tracks = [];
    for (let i = 0; i < count; i++) {
      const id = unsigned(this.#cursor);
      const older = this.#older.get(id);
      group.tracks.push(older ? { ...older } : blankTrack(id));
    }
  }
}

/** A cursor over the blob. A plain object for speed: a playlist of a day reads a million numbers. */
interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
}

function byteAt(cursor: Cursor): number {
  const byte = cursor.bytes[cursor.at];
  if (byte === undefined) throw new FormatError('the segment index ends early', cursor.at);
  cursor.at++;
  return byte;
}

function u32At(cursor: Cursor): number {
  const { bytes, at } = cursor;
  if (at + 4 > bytes.length) throw new FormatError('the segment index ends early', at);
  cursor.at = at + 4;
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

function textAt(cursor: Cursor): string {
  const length = unsigned(cursor);
  const end = cursor.at + length;
  if (end > cursor.bytes.length) throw new FormatError('the segment index ends early', cursor.at);
  const text = new TextDecoder().decode(new Uint8Array(cursor.bytes.subarray(cursor.at, end)));
  cursor.at = end;
  return text;
}

function unsigned(cursor: Cursor): number {
  let byte = byteAt(cursor);
  if (byte < 128) return byte;
  let value = byte & 127;
  for (let scale = 128; ; scale *= 128) {
    byte = byteAt(cursor);
    value += (byte & 127) * scale;
    if (!Number.isSafeInteger(value)) throw new FormatError('a number is too large', cursor.at - 1);
    if (byte < 128) return value;
    if (scale >= 2 ** 49) throw new FormatError('a number is too long', cursor.at - 1);
  }
}

function signed(reader: Cursor): number {
  const value = unsigned(reader);
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

function unpackGaps(reader: Cursor): StreamGap[] {
  const count = unsigned(reader);
  const gaps: StreamGap[] = [];
  for (let i = 0; i < count; i++) {
    const cause = causeOf(unsigned(reader));
    const fromUs = signed(reader);
    const toUs = fromUs + signed(reader);
    gaps.push({
      fromUs,
      toUs,
      cause,
      detail: textAt(reader),
    });
  }
  return gaps;
}

/** Advances the prediction of a track by one segment. */
function unpackTrack(cursor: Cursor, track: Writable<CommittedTrack>, end: number): void {
  const bits = byteAt(cursor);
  track.length = unsigned(cursor);
  track.offset = end + (bits & OFFSET ? signed(cursor) : 0);
  track.tfdt += track.duration + (bits & TFDT ? signed(cursor) : 0);
  if (bits & LENGTH_OF_TIME) track.duration += signed(cursor);
  if (bits & FIRST_PTS) track.firstPtsOffset += signed(cursor);
  if (bits & SAMPLES) track.samples += signed(cursor);
  if (bits & FLAGS) track.flags = unsigned(cursor);
  track.crc = u32At(cursor);
}
