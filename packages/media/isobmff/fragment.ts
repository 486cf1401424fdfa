/**
 * Writes one movie fragment (moof + mdat) of one track: the hot path of packaging.
 * In: frames of one track in decode order, and the place in a slab. Out: bytes in that slab; each frame is
 * copied once. Pure. ISO/IEC 14496-12, 8.8; ISO/IEC 23000-19 (CMAF), 7.3.2: one traf, default-base-is-moof,
 * tfdt version 1.
 */
import type { Frame } from '../frame.ts';

/** The content of a fragment. */
export interface Fragment {
  /** sequence_number of the mfhd, 32 bits. */
  readonly sequence: number;
  readonly trackId: number;
  /**
   * Decode time of the first frame on the track's clock, 0 to 2^53 - 1. May differ from its `dts` by a
   * constant of the run.
   */
  readonly tfdt: number;
  /** At least one, in decode order; `pts >= dts`. */
  readonly frames: readonly Frame[];
}

/**
 * Numbers of one segment, enough for 1,024 fragments. Its MSN gives the rest of the 32 bits, which wrap after
 * 2,097,152 segments.
 */
const NUMBERS_PER_SEGMENT = 2048;
/**
 * Numbers are never consecutive: VLC 3 takes the time of a track from `tfdt` only where a number is skipped,
 * and otherwise plays no sound of a muxed segment (measured: 0 of 480 audio buffers).
 */
const STEP = 2;

/** Which of the numbers of a segment belong to one track. */
export interface FragmentSlot {
  /** Of the track: 0 and up, in the order in which tracks lie in a response. */
  readonly index: number;
  /** Tracks of the segment. */
  readonly count: number;
}

/** Of a track that shares no response with others. */
export const loneSlot: FragmentSlot = { index: 0, count: 1 };

/**
 * The number of a fragment (`sequence_number` of the mfhd, ISO 14496-12 8.8.5). It depends only on the place
 * of the fragment in its stream. Numbers increase within every response and from segment to segment, in one
 * track and where the fragments of several tracks alternate.
 *
 * @param segment its MSN, or its position in a file
 * @param fragment of the track within the segment, 0 and up
 * @returns 1 to 2^32 - 1
 */
export function sequenceNumber(segment: number, { index, count }: FragmentSlot, fragment: number): number {
  return ((segment * NUMBERS_PER_SEGMENT) % 2 ** 32) + STEP * (fragment * count + index) + 1;
}

/** sample_flags of a sync sample: it depends on no other (8.8.3.1). */
const syncFlags = 0x02000000;
/** sample_flags of a sample that is not a sync sample. */
const nonSyncFlags = 0x01010000;

// Bits of the plan: which fields the trun has for each sample.
const DURATIONS = 1;
const SIZES = 2;
const FLAGS = 4;
const OFFSETS = 8;
const FIRST_FLAGS = 16;

/** Bytes of moof, mfhd, traf, tfhd with all defaults, tfdt, the fixed part of trun, and the mdat header. */
const FIXED = 8 + 16 + 8 + 28 + 20 + 20 + 8;

/** Numbers of a sample in columns: dts, pts, duration, 1 for a key frame, bytes. */
export const NUMBERS_PER_SAMPLE = 5;
const [PTS, DURATION, KEY, BYTES] = [1, 2, 3, 4] as const;

/** Samples of one track as numbers and bytes, in decode order: no object for each. */
export interface SampleColumns {
  /** `NUMBERS_PER_SAMPLE` for each of `count` samples, at least one. */
  readonly numbers: Float64Array;
  readonly count: number;
}

// Used within one call only.
let scratch = new Float64Array(256 * NUMBERS_PER_SAMPLE);

/** The numbers of frames; valid until the next call of a function of this file. */
export function columnsOf(frames: readonly Frame[]): SampleColumns {
  const count = frames.length;
  if (count === 0) throw new TypeError('a fragment needs a frame');
  if (scratch.length < count * NUMBERS_PER_SAMPLE) scratch = new Float64Array(2 * count * NUMBERS_PER_SAMPLE);
  const numbers = scratch;
  for (let i = 0, at = 0; i < count; i++, at += NUMBERS_PER_SAMPLE) {
    const frame = frames[i]!;
    numbers[at] = frame.dts;
    numbers[at + PTS] = frame.pts;
    numbers[at + DURATION] = frame.duration;
    numbers[at + KEY] = frame.key ? 1 : 0;
    numbers[at + BYTES] = frame.data.length;
  }
  return { numbers, count };
}

/**
 * Ticks from the sample at `at` to the next; the truth of decode times beats the frame's own guess, which
 * only the last one needs.
 */
function durationAt(numbers: Float64Array, at: number, end: number): number {
  const next = at + NUMBERS_PER_SAMPLE;
  return next < end ? numbers[next]! - numbers[at]! : numbers[at + DURATION]!;
}

function planOf({ numbers, count }: SampleColumns): number {
  const end = count * NUMBERS_PER_SAMPLE;
  const duration = durationAt(numbers, 0, end);
  const bytes = numbers[BYTES]!;
  const key = numbers[KEY]!;
  const secondKey = count > 1 ? numbers[NUMBERS_PER_SAMPLE + KEY]! : key;
  let plan = key === secondKey ? 0 : FIRST_FLAGS;
  for (let at = 0; at < end; at += NUMBERS_PER_SAMPLE) {
    if (durationAt(numbers, at, end) !== duration) plan |= DURATIONS;
    if (numbers[at + BYTES] !== bytes) plan |= SIZES;
    if (numbers[at + PTS] !== numbers[at]) plan |= OFFSETS;
    if (at > 0 && numbers[at + KEY] !== secondKey) plan |= FLAGS;
  }
  return plan & FLAGS ? plan & ~FIRST_FLAGS : plan;
}

function headLength(count: number, plan: number): number {
  const fields = (plan & 1) + ((plan >> 1) & 1) + ((plan >> 2) & 1) + ((plan >> 3) & 1);
  return FIXED + (plan & FIRST_FLAGS ? 4 : 0) + count * fields * 4;
}

/**
 * How many bytes `printFragment` will write.
 *
 * @param frames at least one
 */
export function fragmentLength(frames: readonly Frame[]): number {
  return columnsLength(columnsOf(frames));
}

/** Bytes of the fragment of these samples: moof and mdat. */
export function columnsLength(columns: SampleColumns): number {
  const { numbers, count } = columns;
  let length = headLength(count, planOf(columns));
  for (let at = BYTES; at < count * NUMBERS_PER_SAMPLE; at += NUMBERS_PER_SAMPLE) length += numbers[at]!;
  return length;
}

/**
 * Writes moof and mdat.
 *
 * @param target the slab, may lie in shared memory; has `fragmentLength(frames)` bytes from `at` on
 * @param at where the moof begins
 * @returns the first byte behind the mdat
 * @throws RangeError for bugs: a composition offset or duration below 0, a target too small
 */
export function printFragment(target: Uint8Array, at: number, fragment: Fragment): number {
  const { frames } = fragment;
  let data = printFragmentHead(target, at, fragment, columnsOf(frames));
  for (let i = 0; i < frames.length; i++) {
    const bytes = frames[i]!.data;
    target.set(bytes, data);
    data += bytes.length;
  }
  return data;
}

/**
 * Writes the moof and the header of the mdat; the bytes of the samples follow. Parameters and errors as those
 * of `printFragment`.
 *
 * @returns the first byte of the first sample
 */
export function printFragmentHead(
  target: Uint8Array,
  at: number,
  { sequence, trackId, tfdt }: Omit<Fragment, 'frames'>,
  columns: SampleColumns,
): number {
  const { numbers, count } = columns;
  const plan = planOf(columns);
  const end = count * NUMBERS_PER_SAMPLE;
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  const headEnd = at + headLength(count, plan);
  const moofLength = headEnd - 8 - at;
  if (!Number.isSafeInteger(tfdt) || tfdt < 0) throw new RangeError(`tfdt ${tfdt} is not a decode time`);
  let p = at;
  const u32 = (value: number) => {
    view.setUint32(p, value);
    p += 4;
  };
  u32(moofLength);
  u32(0x6d6f6f66); // moof
  u32(16);
  u32(0x6d666864); // mfhd
  u32(0);
  u32(sequence);
  u32(moofLength - 24);
  u32(0x74726166); // traf
  u32(28);
  u32(0x74666864); // tfhd
  u32(0x020038); // default-base-is-moof; duration, size and flags have defaults
  u32(trackId);
  u32(durationAt(numbers, 0, end));
  u32(numbers[BYTES]!);
  u32(numbers[(count > 1 ? NUMBERS_PER_SAMPLE : 0) + KEY] === 1 ? syncFlags : nonSyncFlags);
  u32(20);
  u32(0x74666474); // tfdt
  u32(0x01000000);
  u32(Math.floor(tfdt / 2 ** 32));
  u32(tfdt);
  u32(at + moofLength - p);
  u32(0x7472756e); // trun
  u32(
    0x000001 | // data offset
      (plan & FIRST_FLAGS ? 0x4 : 0) |
      (plan & DURATIONS ? 0x100 : 0) |
      (plan & SIZES ? 0x200 : 0) |
      (plan & FLAGS ? 0x400 : 0) |
      (plan & OFFSETS ? 0x800 : 0),
  );
  u32(count);
  u32(headEnd - at);
  if (plan & FIRST_FLAGS) u32(numbers[KEY] === 1 ? syncFlags : nonSyncFlags);
  let bytes = 0;
  for (let i = 0; i < end; i += NUMBERS_PER_SAMPLE) {
    const duration = durationAt(numbers, i, end);
    const offset = numbers[i + PTS]! - numbers[i]!;
    if (!(duration >= 0 && offset >= 0))
      throw new RangeError(`frame at ${numbers[i]}: duration ${duration}, offset ${offset}`);
    if (plan & DURATIONS) u32(duration);
    if (plan & SIZES) u32(numbers[i + BYTES]!);
    if (plan & FLAGS) u32(numbers[i + KEY] === 1 ? syncFlags : nonSyncFlags);
    if (plan & OFFSETS) u32(offset);
    bytes += numbers[i + BYTES]!;
  }
  u32(bytes + 8);
  u32(0x6d646174); // mdat
  return headEnd;
}
