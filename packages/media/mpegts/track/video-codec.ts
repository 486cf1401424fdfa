/**
 * NAL unit rules of H.264 and HEVC behind one interface.
 * In: NAL units. Out: the role of each, and the track's configuration.
 */
import { FormatError } from '../../errors.ts';
import type { VideoConfig } from '../../frame.ts';
import type { NalList } from '../../h264/annexb.ts';
import { h264Config } from '../../h264/avcc.ts';
import { isH264Key } from '../../h264/key.ts';
import { h264PpsId, h264PpsSpsId } from '../../h264/pps.ts';
import { parseH264Slice, startsH264Picture } from '../../h264/slice.ts';
import { parseH264Sps } from '../../h264/sps.ts';
import { hevcConfig } from '../../hevc/hvcc.ts';
import { HEVC_NAL, hevcNalType, hevcPpsId, hevcVpsId, isHevcKey } from '../../hevc/nal.ts';
import { parseHevcSlice, parseHevcSlicePps, startsHevcPicture } from '../../hevc/slice.ts';
import { parseHevcSps } from '../../hevc/sps.ts';

/**
 * Role of a NAL unit: parameter sets go to the configuration, a kept one into the sample too; `drop` is
 * discarded, the others go into the sample.
 */
type NalRole = 'slice' | 'set' | 'kept set' | 'drop' | 'other';

/** One parameter set with its place among the others. */
export interface ParameterSet {
  /** nal_unit_type. */
  readonly type: number;
  readonly id: number;
  /** The NAL unit with its header. */
  readonly nal: Uint8Array;
}

/** Fields of the first slice header of a picture. */
export interface PictureHead {
  /** The picture order count restarts here. */
  readonly idr: boolean;
  /** Low bits of the picture order count, or undefined where there are none. */
  readonly order: number | undefined;
  /** H.264: the field of a frame, then the values that both fields share. */
  readonly field?: 'top' | 'bottom' | undefined;
  readonly frameNum?: number;
  readonly reference?: boolean;
}

/** Parses slice headers with the parameter sets of one configuration. */
export interface PictureReader {
  /** Pictures may be fields. */
  readonly fields: boolean;
  /** Bits of `order`. */
  readonly orderBits: number;
  /** The header; undefined if it cannot be parsed. */
  read(bytes: Uint8Array, start: number, end: number): PictureHead | undefined;
}

/** Rules of one codec. */
export interface VideoCodec {
  /** Name in messages. */
  readonly name: string;
  /** nal_unit_type of the SPS and PPS: when both arrive again, they replace all earlier sets. */
  readonly spsType: number;
  readonly ppsType: number;
  /** Types of which at least one set is required for decoding. */
  readonly neededTypes: readonly number[];
  /** nal_unit_type from a NAL unit's first byte. */
  type(first: number): number;
  role(type: number): NalRole;
  /**
   * Parses the id of a parameter set.
   *
   * @param nal with its header; kept
   * @throws FormatError
   */
  set(nal: Uint8Array): ParameterSet;
  /**
   * The configuration of these sets.
   *
   * @throws FormatError if one is missing or malformed
   */
  config(sets: readonly ParameterSet[]): VideoConfig;
  /**
   * Whether decoding can begin at this access unit.
   *
   * @param continues these are further NAL units of an access unit that was a key frame so far
   */
  isKey(bytes: Uint8Array, list: NalList, continues: boolean): boolean;
  /**
   * Whether a NAL unit of this type, after slices, belongs to the next access unit (H.264 7.4.1.2.3, HEVC
   * 7.4.2.4.4).
   */
  beginsUnit(type: number): boolean;
  /**
   * Whether a PES without a time that begins with this type continues the access unit before it; default: it
   * does not.
   */
  continues?(type: number): boolean;
  /** Whether a slice is the first of its picture. */
  startsPicture(bytes: Uint8Array, start: number): boolean;
  /** Increment of `order` per frame. */
  readonly orderStep: number;
  /**
   * A slice header parser for these sets, which form a configuration.
   *
   * @throws FormatError
   */
  pictures(sets: readonly ParameterSet[]): PictureReader;
}

/** Slice headers are optional: one that cannot be parsed counts as absent. */
function ifWhole<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return undefined;
  }
}

const pick = (sets: readonly ParameterSet[], type: number) =>
  sets.filter((set) => set.type === type).map((set) => set.nal);

/** ITU-T H.264, table 7-1. */
export const h264Codec: VideoCodec = {
  name: 'H.264',
  spsType: 7,
  ppsType: 8,
  neededTypes: [7, 8],
  type: (first) => first & 0x1f,
  role(type) {
    if (type >= 1 && type <= 5) return 'slice';
    if (type === 7 || type === 8) return 'set';
    return type === 9 || type === 12 ? 'drop' : 'other';
  },
  set(nal) {
    const type = nal[0]! & 0x1f;
    return { type, id: type === 7 ? parseH264Sps(nal).id : h264PpsId(nal), nal };
  },
  config: (sets) => h264Config(pick(sets, 7), pick(sets, 8)),
  isKey: isH264Key,
  beginsUnit: (type) => (type >= 6 && type <= 9) || (type >= 14 && type <= 18),
  startsPicture: startsH264Picture,
  orderStep: 2, // a frame has two fields (8.2.1)
  pictures(sets) {
    const sps = new Map(
      pick(sets, 7)
        .map(parseH264Sps)
        .map((set) => [set.id, set]),
    );
    const byPps = new Map(pick(sets, 8).map((nal) => [h264PpsId(nal), sps.get(h264PpsSpsId(nal))]));
    const sequences = [...sps.values()];
    return {
      fields: sequences.some(({ progressive }) => !progressive),
      orderBits: sequences[0]?.orderBits ?? 0,
      read: (bytes, start, end) => ifWhole(() => parseH264Slice(bytes, start, end, (id) => byPps.get(id))),
    };
  },
};

/** ITU-T H.265, table 7-1. */
export const hevcCodec: VideoCodec = {
  name: 'HEVC',
  spsType: HEVC_NAL.sps,
  ppsType: HEVC_NAL.pps,
  neededTypes: [HEVC_NAL.vps, HEVC_NAL.sps, HEVC_NAL.pps],
  type: hevcNalType,
  role(type) {
    if (type < 32) return 'slice';
    if (type <= HEVC_NAL.pps) return 'set';
    return type === HEVC_NAL.aud || type === HEVC_NAL.filler ? 'drop' : 'other';
  },
  set(nal) {
    const type = hevcNalType(nal[0] ?? 0);
    if (nal.length < 3) throw new FormatError('HEVC parameter set ends early', 0);
    if (type === HEVC_NAL.sps) return { type, id: parseHevcSps(nal).id, nal };
    return { type, id: type === HEVC_NAL.vps ? hevcVpsId(nal) : hevcPpsId(nal), nal };
  },
  config: (sets) =>
    hevcConfig({ vps: pick(sets, HEVC_NAL.vps), sps: pick(sets, HEVC_NAL.sps), pps: pick(sets, HEVC_NAL.pps) }),
  isKey: isHevcKey,
  beginsUnit: (type) =>
    (type >= HEVC_NAL.vps && type <= HEVC_NAL.aud) || type === 39 || (type >= 41 && type <= 44) || type >= 48,
  startsPicture: startsHevcPicture,
  orderStep: 1,
  pictures(sets) {
    const sps = new Map(
      pick(sets, HEVC_NAL.sps)
        .map(parseHevcSps)
        .map((set) => [set.id, set]),
    );
    const pps = new Map(
      pick(sets, HEVC_NAL.pps)
        .map(parseHevcSlicePps)
        .map((set) => [set.id, set]),
    );
    const setsOf = (id: number) => {
      const picture = pps.get(id);
      const sequence = picture && sps.get(picture.spsId);
      return sequence && { pps: picture, sps: sequence };
    };
    return {
      fields: false,
      orderBits: [...sps.values()][0]?.orderBits ?? 0,
      read: (bytes, start, end) => ifWhole(() => parseHevcSlice(bytes, start, end, setsOf)),
    };
  },
};
