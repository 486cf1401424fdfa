/**
 * The profile-level-id of an H.264 track, in the forms that browsers know.
 * In: the body of an `avcC`. Out: six hexadecimal digits. Pure. RFC 6184 8.1; ITU-T H.264 annex A.
 *
 * Browsers compare profile and constraint bits with a list of patterns and refuse a format whose bits or
 * level they do not know. Bits without a meaning for the profile are cleared, and a level is replaced by the
 * next lower one that they know.
 */
import { ByteReader } from '../../bytes.ts';

const BASELINE = 66;
const MAIN = 77;
const EXTENDED = 88;
const HIGH = 100;
/** level_idc that browsers know, ten times the level. */
const LEVELS = [10, 11, 12, 13, 20, 21, 22, 30, 31, 32, 40, 41, 42, 50, 51, 52];
/** level_idc of level 1b in the profiles from High on. */
const LEVEL_1B = 9;
/** constraint_set0_flag and the following ones are the upper bits. */
const [SET0, SET1, SET3, SET45] = [0x80, 0x40, 0x10, 0x0c];

/**
 * The profile-level-id of a record.
 *
 * @param record body of an `avcC`
 * @throws FormatError if it ends early
 */
export function profileLevelId(record: Uint8Array): string {
  const reader = new ByteReader(record, 'avcC');
  reader.skip(1);
  const [profile, bits, level] = [reader.u8(), reader.u8(), reader.u8()];
  const isLow = profile === BASELINE || profile === MAIN || profile === EXTENDED;
  const is1b = isLow ? level === 11 && (bits & SET3) !== 0 : level === LEVEL_1B;
  const constraints = knownBits(profile, bits) | (isLow && is1b ? SET3 : 0);
  const hex = (byte: number) => byte.toString(16).padStart(2, '0');
  return hex(profile) + hex(constraints) + hex(is1b ? level : knownLevel(level));
}

function knownBits(profile: number, bits: number): number {
  switch (profile) {
    case BASELINE: // with constraint_set1 it is Constrained Baseline, which browsers write as e0
      return bits & SET1 ? 0xe0 : 0;
    case MAIN: // with constraint_set0 it is Constrained Baseline too
      return bits & SET0 ? SET0 : bits & SET1;
    case EXTENDED:
      return SET0 | (bits & SET1);
    case HIGH: // with constraint_set4 and 5 it is Constrained High
      return (bits & SET45) === SET45 ? SET45 : 0;
    default:
      return bits & ~3; // two reserved bits
  }
}

function knownLevel(level: number): number {
  return LEVELS.findLast((candidate) => candidate <= level) ?? LEVELS[0]!;
}
