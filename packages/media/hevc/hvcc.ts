/**
 * The HEVC decoder configuration record: HEVC parameter sets as ISO BMFF carries them.
 * In: VPS, SPS and PPS NAL units, or the body of an `hvcC` box. Out: the record, its parts, a VideoConfig.
 * ISO/IEC 14496-15, 8.3.3.1.
 */
import { ByteReader } from '../bytes.ts';
import { FormatError } from '../errors.ts';
import type { VideoConfig } from '../frame.ts';
import { HEVC_NAL } from './nal.ts';
import { hevcCodecs } from './profile-tier-level.ts';
import { type HevcSps, parseHevcSps } from './sps.ts';

/** Content of an `hvcC`. */
interface HvcC {
  /** Bytes of the length before each NAL unit: 1, 2 or 4. */
  readonly lengthSize: number;
  /** NAL units with their header; views of the record. */
  readonly vps: readonly Uint8Array[];
  readonly sps: readonly Uint8Array[];
  readonly pps: readonly Uint8Array[];
}

/** Parameter sets, NAL units with their header. */
type HevcSets = Pick<HvcC, 'vps' | 'sps' | 'pps'>;

function firstSps(sps: readonly Uint8Array[]): HevcSps {
  const first = sps[0];
  if (!first) throw new FormatError('no HEVC SPS', 0);
  return parseHevcSps(first);
}

function print(sets: HevcSets, sps: HevcSps): Uint8Array {
  const { ptl } = sps;
  const out = [
    1,
    (ptl.space << 6) | (ptl.high ? 0x20 : 0) | ptl.profile,
    ptl.compatibility >>> 24,
    (ptl.compatibility >>> 16) & 0xff,
    (ptl.compatibility >>> 8) & 0xff,
    ptl.compatibility & 0xff,
    ...ptl.constraints,
    ptl.level,
    0xf0,
    0, // min_spatial_segmentation_idc: unknown
    0xfc, // parallelismType: unknown
    0xfc | sps.chromaFormat,
    0xf8 | (sps.bitDepthLuma - 8),
    0xf8 | (sps.bitDepthChroma - 8),
    0,
    0, // avgFrameRate: unknown
    (sps.temporalLayers << 3) | (sps.temporalIdNested ? 4 : 0) | 3,
    3,
  ];
  for (const [type, nals] of [
    [HEVC_NAL.vps, sets.vps],
    [HEVC_NAL.sps, sets.sps],
    [HEVC_NAL.pps, sets.pps],
  ] as const) {
    if (nals.length === 0) throw new FormatError(`no HEVC parameter set of type ${type}`, 0);
    out.push(0x80 | type, nals.length >> 8, nals.length & 0xff);
    for (const nal of nals) {
      if (nal.length > 0xffff) throw new FormatError('a parameter set of more than 64 KiB', 0);
      out.push(nal.length >> 8, nal.length & 0xff, ...nal);
    }
  }
  return Uint8Array.from(out);
}

/**
 * Reads the body of an `hvcC` box.
 *
 * @throws FormatError if it is of another version, ends early or has no SPS
 */
export function parseHvcC(record: Uint8Array): HvcC {
  const reader = new ByteReader(record, 'hvcC');
  if (reader.u8() !== 1) throw new FormatError('hvcC of an unknown version', 0);
  reader.skip(20);
  const lengthSize = (reader.u8() & 3) + 1;
  if (lengthSize === 3) throw new FormatError('hvcC with lengths of 3 bytes', 21);
  const sets = new Map<number, Uint8Array[]>();
  const arrays = reader.u8();
  for (let i = 0; i < arrays; i++) {
    const type = reader.u8() & 0x3f;
    const nals = sets.get(type) ?? [];
    sets.set(type, nals);
    const count = reader.u16();
    for (let k = 0; k < count; k++) nals.push(reader.take(reader.u16()));
  }
  const of = (type: number) => sets.get(type) ?? [];
  if (of(HEVC_NAL.sps).length === 0) throw new FormatError('hvcC without an SPS', 22);
  return { lengthSize, vps: of(HEVC_NAL.vps), sps: of(HEVC_NAL.sps), pps: of(HEVC_NAL.pps) };
}

/**
 * The configuration of a track from its parameter sets; its record is the body of an `hvcC` box with lengths
 * of 4 bytes and all arrays complete (sample entry `hvc1`).
 *
 * @param sets at least one of each, each NAL unit under 64 KiB; the first SPS gives profile, level, size and
 *   frame rate
 * @throws FormatError if one is missing, or the first SPS cannot be read
 */
export function hevcConfig(sets: HevcSets): VideoConfig {
  const sps = firstSps(sets.sps);
  const { width, height, frameRate } = sps;
  const config = { codec: 'hevc', record: print(sets, sps), codecs: hevcCodecs(sps.ptl), width, height } as const;
  return frameRate === undefined ? config : { ...config, frameRate };
}
