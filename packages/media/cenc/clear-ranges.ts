/**
 * Divides a sample of video into clear and protected ranges: NAL unit lengths, headers and slice headers are
 * clear.
 * In: a sample, and the configuration of its track. Out: subsamples. Pure. ISO/IEC 23001-7, 9.5 and 10.4;
 * ISO/IEC 14496-15, 5.3.3.
 */

import { FormatError, OxbowError } from '../errors.ts';
import type { VideoConfig } from '../frame.ts';
import { MAX_NALS } from '../h264/annexb.ts';
import { parseAvcC } from '../h264/avcc.ts';
import { h264HeaderLength, parseH264HeaderPps } from '../h264/slice-header.ts';
import { parseH264Sps } from '../h264/sps.ts';
import { parseHevcHeaderPps, parseHevcHeaderSps } from '../hevc/header-sets.ts';
import { parseHvcC } from '../hevc/hvcc.ts';
import { HEVC_NAL, hevcNalType } from '../hevc/nal.ts';
import { hevcHeaderLength } from '../hevc/slice-header.ts';
import { u32At } from '../isobmff/box.ts';
import { BLOCK } from './protection.ts';

/** Largest BytesOfClearData, a field of 16 bits. */
const MAX_CLEAR = 0xffff;
const LENGTH_BYTES = 4;
/** Subsamples of 6 bytes after a count of 2, in a size of 8 bits (14496-12, 8.7.8). */
const MAX_SUBSAMPLES = 42;
/** Leaves room for long clear ranges. */
const MAX_PROTECTED = 40;

/** A clear range and the protected range after it, bytes. */
export interface Subsample {
  /** 0 to 65,535. */
  readonly clear: number;
  readonly protected: number;
}

/**
 * Bytes of a NAL unit that stay clear.
 *
 * @param start offset of the NAL unit header
 * @throws FormatError if it is a slice whose header cannot be read
 */
type ClearLength = (bytes: Uint8Array, start: number, end: number) => number;

/** Divides the samples of one track. Keeps the parameter sets that samples bring. */
export class ClearRanges {
  readonly #clearLength: ClearLength;

  /**
   * @throws OxbowError `unsupported-media` for codecs other than H.264 and HEVC
   * @throws FormatError if the configuration is malformed
   */
  constructor(config: Pick<VideoConfig, 'codec' | 'record'>) {
    if (config.codec === 'h264') this.#clearLength = h264Reader(config.record);
    else if (config.codec === 'hevc') this.#clearLength = hevcReader(config.record);
    else {
      throw new OxbowError(
        'unsupported-media',
        `Video of the codec \`${config.codec}\` cannot be encrypted. Use H.264 or H.265.`,
      );
    }
  }

  /**
   * The subsamples of bytes [start, end), which are NAL units after their lengths of 4 bytes.
   *
   * @returns ranges that cover all of them
   * @throws FormatError if a length is wrong or a slice header cannot be read
   */
  divide(bytes: Uint8Array, start: number, end: number): Subsample[] {
    const nals: Subsample[] = [];
    for (let at = start; at < end; ) {
      if (at + LENGTH_BYTES >= end) throw new FormatError('a NAL unit of a sample ends early', at);
      const from = at + LENGTH_BYTES;
      const to = from + u32At(bytes, at);
      if (to > end || to === from) throw new FormatError('a NAL unit of a sample has a wrong length', at);
      if (nals.length === MAX_NALS) throw new FormatError(`more than ${MAX_NALS} NAL units in one sample`, at);
      const head = Math.min(to - from, this.#clearLength(bytes, from, to));
      nals.push({ clear: LENGTH_BYTES + head, protected: to - from - head });
      at = to;
    }
    return joinRanges(nals, start);
  }
}

/** Joins what is clear to as few subsamples as possible. */
function joinRanges(nals: readonly Subsample[], offset: number): Subsample[] {
  const least = leastProtected(nals);
  const subsamples: Subsample[] = [];
  let clear = 0;
  const add = (hidden: number) => {
    for (; clear > MAX_CLEAR; clear -= MAX_CLEAR) subsamples.push({ clear: MAX_CLEAR, protected: 0 });
    if (clear > 0 || hidden > 0) subsamples.push({ clear, protected: hidden });
    clear = 0;
  };
  for (const nal of nals) {
    clear += nal.clear;
    if (nal.protected < least) clear += nal.protected;
    else add(nal.protected);
  }
  add(0);
  if (subsamples.length > MAX_SUBSAMPLES) throw new FormatError('a sample has too many clear ranges', offset);
  return subsamples;
}

/**
 * The shortest range that is encrypted: a block, or more where a sample has more ranges than a saiz can say.
 */
function leastProtected(nals: readonly Subsample[]): number {
  const lengths = nals.map((nal) => nal.protected).filter((length) => length >= BLOCK);
  if (lengths.length <= MAX_PROTECTED) return BLOCK;
  return lengths.sort((a, b) => b - a)[MAX_PROTECTED - 1]! + 1;
}

function h264Reader(record: Uint8Array): ClearLength {
  const { lengthSize, sps: spsNals, pps: ppsNals } = parseAvcC(record);
  if (lengthSize !== LENGTH_BYTES) throw new FormatError(`avcC with lengths of ${lengthSize} bytes`, 4);
  const spsById = new Map(spsNals.map(parseH264Sps).map((sps) => [sps.id, sps]));
  const ppsById = new Map(ppsNals.map(parseH264HeaderPps).map((pps) => [pps.id, pps]));
  const setsOf = (id: number) => {
    const pps = ppsById.get(id);
    const sps = pps && spsById.get(pps.spsId);
    return sps && { pps, sps };
  };
  return (bytes, start, end) => {
    const type = bytes[start]! & 0x1f;
    if (type === 1 || type === 5) return h264HeaderLength(bytes, start, end, setsOf);
    if (type >= 2 && type <= 4) throw new FormatError('H.264 with data partitions', start);
    if (type === 7) {
      const sps = parseH264Sps(bytes.subarray(start, end));
      spsById.set(sps.id, sps);
    } else if (type === 8) {
      const pps = parseH264HeaderPps(bytes.subarray(start, end));
      ppsById.set(pps.id, pps);
    }
    return end - start;
  };
}

function hevcReader(record: Uint8Array): ClearLength {
  const { lengthSize, sps: spsNals, pps: ppsNals } = parseHvcC(record);
  if (lengthSize !== LENGTH_BYTES) throw new FormatError(`hvcC with lengths of ${lengthSize} bytes`, 21);
  const spsById = new Map(spsNals.map(parseHevcHeaderSps).map((sps) => [sps.id, sps]));
  const ppsById = new Map(ppsNals.map(parseHevcHeaderPps).map((pps) => [pps.id, pps]));
  const setsOf = (id: number) => {
    const pps = ppsById.get(id);
    const sps = pps && spsById.get(pps.spsId);
    return sps && { pps, sps };
  };
  return (bytes, start, end) => {
    const type = hevcNalType(bytes[start]!);
    if (type < 32) return hevcHeaderLength(bytes, start, end, setsOf);
    if (type === HEVC_NAL.sps) {
      const sps = parseHevcHeaderSps(bytes.subarray(start, end));
      spsById.set(sps.id, sps);
    } else if (type === HEVC_NAL.pps) {
      const pps = parseHevcHeaderPps(bytes.subarray(start, end));
      ppsById.set(pps.id, pps);
    }
    return end - start;
  };
}
