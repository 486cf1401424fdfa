/**
 * HEVC profile, tier and level.
 * In: a bit cursor inside a VPS or SPS. Out: the fields, and the RFC 6381 codec string.
 * ITU-T H.265, 7.3.3; ISO/IEC 14496-15, Annex E.3.
 */
import type { BitReader } from '../bits.ts';

/** The general_ fields of profile_tier_level. */
export interface ProfileTierLevel {
  /** general_profile_space, 0 to 3. */
  readonly space: number;
  /** general_tier_flag: true is the High tier. */
  readonly high: boolean;
  readonly profile: number;
  /** The 32 general_profile_compatibility_flags, the first one in the highest bit. */
  readonly compatibility: number;
  /** The 6 bytes of constraint flags. */
  readonly constraints: Uint8Array;
  /** general_level_idc: 30 times the level, e.g. 93 for 3.1. */
  readonly level: number;
}

/**
 * Reads profile_tier_level with its profile present.
 *
 * @param maxSubLayersMinus1 0 to 6
 * @throws FormatError if it ends early
 */
export function parseProfileTierLevel(bits: BitReader, maxSubLayersMinus1: number): ProfileTierLevel {
  const space = bits.u(2);
  const high = bits.flag();
  const profile = bits.u(5);
  const compatibility = bits.u(32);
  const constraints = Uint8Array.from({ length: 6 }, () => bits.u(8));
  const level = bits.u(8);
  const present: { profile: boolean; level: boolean }[] = [];
  for (let i = 0; i < maxSubLayersMinus1; i++) present.push({ profile: bits.flag(), level: bits.flag() });
  if (maxSubLayersMinus1 > 0) bits.skip(2 * (8 - maxSubLayersMinus1));
  for (const layer of present) bits.skip((layer.profile ? 88 : 0) + (layer.level ? 8 : 0));
  return { space, high, profile, compatibility, constraints, level };
}

/**
 * The RFC 6381 codec string of a track whose parameter sets are all in the sample entry, e.g.
 * `hvc1.1.6.L93.B0`.
 */
export function hevcCodecs(ptl: ProfileTierLevel): string {
  let reversed = 0;
  for (let i = 0; i < 32; i++) if ((ptl.compatibility >>> i) & 1) reversed += 2 ** (31 - i);
  const parts = [
    'hvc1',
    `${['', 'A', 'B', 'C'][ptl.space]}${ptl.profile}`,
    reversed.toString(16),
    `${ptl.high ? 'H' : 'L'}${ptl.level}`,
  ];
  let used = 6;
  while (used > 0 && ptl.constraints[used - 1] === 0) used--;
  for (let i = 0; i < used; i++) parts.push(ptl.constraints[i]!.toString(16).toUpperCase());
  return parts.join('.');
}
