/**
 * Reads movie fragments: which samples a moof describes, and where their bytes lie.
 * In: a moof of any maker, and the defaults of its tracks. Out: one list of samples per traf. Pure.
 * ISO/IEC 14496-12, 8.8.
 */
import { ByteReader } from '../bytes.ts';
import { FormatError } from '../errors.ts';
import { type Box, needBox, readBoxes } from './box.ts';
import type { SampleDefaults } from './init.ts';

/** The samples of one traf, as parallel arrays in decode order. */
export interface TrackFragment {
  readonly trackId: number;
  /** Decode time of the first sample, ticks, or undefined where the moof does not say. */
  readonly tfdt: number | undefined;
  /**
   * First byte of each sample, counted from the start of the moof; may lie before it in files with odd bases.
   */
  readonly offsets: number[];
  readonly sizes: number[];
  /** Ticks. */
  readonly durations: number[];
  /** Composition offsets, ticks; may be negative where `signed`. */
  readonly compositions: number[];
  /** sample_flags (8.8.3.1). */
  readonly flags: number[];
  /** A trun of version 1 was seen, so composition offsets may become negative. */
  readonly signed: boolean;
  /**
   * The offsets come from a base-data-offset, which counts from the start of a file that may not be the one
   * at hand.
   */
  readonly absolute: boolean;
}

/** Samples that one moof may describe. */
const maxSamplesPerFragment = 100_000;
const NON_SYNC = 0x00010000;
const NO_DEFAULTS: SampleDefaults = { duration: 0, size: 0, flags: 0 };

/** Whether sample_flags say sync sample. */
export function isSync(flags: number): boolean {
  return (flags & NON_SYNC) === 0;
}

/**
 * Reads one moof.
 *
 * @param moof the box within `bytes`
 * @param defaultsOf trex of a track id; absent means zeros
 * @param filePosition where the moof begins in its file, for base-data-offset
 * @throws FormatError if it is malformed or describes more than 100,000 samples
 */
export function parseMoof(
  bytes: Uint8Array,
  moof: Box,
  defaultsOf: (trackId: number) => SampleDefaults | undefined = () => undefined,
  filePosition = 0,
): TrackFragment[] {
  const fragments: TrackFragment[] = [];
  let dataEnd = 0;
  let left = maxSamplesPerFragment;
  for (const traf of readBoxes(bytes, moof.body, moof.end)) {
    if (traf.type !== 'traf') continue;
    const boxes = readBoxes(bytes, traf.body, traf.end);
    const tfhd = needBox(boxes, 'tfhd', traf);
    const head = parseTfhd(bytes, tfhd, defaultsOf, filePosition, dataEnd);
    const fragment = {
      trackId: head.trackId,
      tfdt: undefined as number | undefined,
      offsets: [],
      sizes: [],
      durations: [],
      compositions: [],
      flags: [],
      signed: false,
      absolute: head.absolute,
    };
    dataEnd = head.base;
    for (const box of boxes) {
      if (box.type === 'tfdt') fragment.tfdt ??= parseTfdt(bytes, box);
      if (box.type !== 'trun') continue;
      dataEnd = parseTrun(bytes, box, head, fragment, dataEnd, left);
      left = maxSamplesPerFragment - fragment.sizes.length;
    }
    for (const other of fragments) left -= other.sizes.length;
    if (left < 0) throw new FormatError('moof describes more than 100,000 samples', moof.start);
    fragments.push(fragment);
  }
  return fragments;
}

interface TrackFragmentHead extends SampleDefaults {
  readonly trackId: number;
  /** Where data offsets count from, relative to the moof. */
  readonly base: number;
  readonly absolute: boolean;
}

function parseTfhd(
  bytes: Uint8Array,
  box: Box,
  defaultsOf: (trackId: number) => SampleDefaults | undefined,
  filePosition: number,
  previousEnd: number,
): TrackFragmentHead {
  const reader = new ByteReader(bytes, "'tfhd'", box.body, box.end);
  const flags = reader.u32() & 0xffffff;
  const trackId = reader.u32();
  const defaults = defaultsOf(trackId) ?? NO_DEFAULTS;
  // Without a base, a later traf counts from the end of the one before (8.8.7.1).
  let base = flags & 0x020000 ? 0 : previousEnd;
  if (flags & 0x000001) base = reader.u64() - filePosition;
  if (flags & 0x000002) reader.skip(4);
  const duration = flags & 0x000008 ? reader.u32() : defaults.duration;
  const size = flags & 0x000010 ? reader.u32() : defaults.size;
  const sampleFlags = flags & 0x000020 ? reader.u32() : defaults.flags;
  return { trackId, base, absolute: (flags & 1) === 1, duration, size, flags: sampleFlags };
}

/**
 * Reads the decode time of the first sample in a fragment (8.8.12).
 *
 * @param box the tfdt within `bytes`
 * @returns ticks, 0 to 2^53 - 1
 * @throws FormatError if it ends early
 */
export function parseTfdt(bytes: Uint8Array, box: Box): number {
  const reader = new ByteReader(bytes, "'tfdt'", box.body, box.end);
  const version = reader.u8();
  reader.skip(3);
  return version === 1 ? reader.u64() : reader.u32();
}

/** Adds a trun's samples; gives the end of its data, relative to the moof. */
function parseTrun(
  bytes: Uint8Array,
  box: Box,
  head: TrackFragmentHead,
  into: {
    offsets: number[];
    sizes: number[];
    durations: number[];
    compositions: number[];
    flags: number[];
    signed: boolean;
  },
  previousEnd: number,
  maxSamples: number,
): number {
  const reader = new ByteReader(bytes, "'trun'", box.body, box.end);
  const word = reader.u32();
  const signed = word >>> 24 > 0;
  const count = reader.u32();
  if (count > maxSamples) throw new FormatError('moof describes more than 100,000 samples', box.start);
  let at = word & 0x000001 ? head.base + reader.i32() : previousEnd;
  const firstFlags = word & 0x000004 ? reader.u32() : undefined;
  if (signed) into.signed = true;
  for (let i = 0; i < count; i++) {
    const duration = word & 0x000100 ? reader.u32() : head.duration;
    const size = word & 0x000200 ? reader.u32() : head.size;
    const flags = word & 0x000400 ? reader.u32() : i === 0 && firstFlags !== undefined ? firstFlags : head.flags;
    into.offsets.push(at);
    into.sizes.push(size);
    into.durations.push(duration);
    into.flags.push(flags);
    into.compositions.push(word & 0x000800 ? (signed ? reader.i32() : reader.u32()) : 0);
    at += size;
  }
  return at;
}
