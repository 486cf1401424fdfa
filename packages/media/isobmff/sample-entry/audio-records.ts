/**
 * Parses the configuration records of AC-3, E-AC-3 and Opus, because the channel count of the sample entry is
 * often wrong.
 * In: bodies of `dac3`, `dec3` and `dOps`. Out: rates and channels. Pure.
 * ETSI TS 102 366, F.4 (dac3) and F.6 (dec3); Encapsulation of Opus in ISO Base Media File Format, 4.3.2.
 */
import { BitReader } from '../../bits.ts';
import { ByteReader } from '../../bytes.ts';
import { FormatError } from '../../errors.ts';

/** Rate and channels of decoded sound. */
export interface AudioShape {
  /** Hz. */
  readonly sampleRate: number;
  readonly channels: number;
}

/** Hz by fscod (ETSI TS 102 366, table 4.1). */
const AC3_RATES = [48_000, 44_100, 32_000] as const;
/** Full bandwidth channels by acmod (table 4.3). */
const AC3_CHANNELS = [2, 1, 2, 3, 3, 4, 4, 5] as const;
/**
 * Channels of each bit of chan_loc, from the lowest: Lc/Rc, Lrs/Rrs, Cs, Ts, Lsd/Rsd, Lw/Rw, Lvh/Rvh, Cvh,
 * LFE2 (table F.5).
 */
const CHAN_LOC = [2, 2, 1, 1, 2, 2, 2, 1, 1] as const;

/**
 * Reads a `dac3`.
 *
 * @throws FormatError if it ends early or names a reserved rate
 */
export function parseDac3(record: Uint8Array): AudioShape {
  const bits = new BitReader(record, "'dac3'");
  const sampleRate = ac3Rate(bits.u(2));
  bits.skip(8); // bsid, bsmod
  const channels = AC3_CHANNELS[bits.u(3)]!;
  return { sampleRate, channels: channels + bits.u(1) };
}

/**
 * Reads a `dec3`: the first independent substream and what its dependent ones add.
 *
 * @throws FormatError if it ends early or names a reserved rate
 */
export function parseDec3(record: Uint8Array): AudioShape {
  const bits = new BitReader(record, "'dec3'");
  bits.skip(16); // data_rate, num_ind_sub
  const sampleRate = ac3Rate(bits.u(2));
  bits.skip(10); // bsid, reserved, asvc, bsmod
  let channels = AC3_CHANNELS[bits.u(3)]! + bits.u(1);
  bits.skip(3);
  if (bits.u(4) > 0) {
    const places = bits.u(9);
    for (let bit = 0; bit < 9; bit++) if ((places >> bit) & 1) channels += CHAN_LOC[bit]!;
  }
  return { sampleRate, channels };
}

function ac3Rate(code: number): number {
  const rate = AC3_RATES[code];
  if (!rate) throw new FormatError(`AC-3 sample rate code ${code} is reserved`, 0);
  return rate;
}

/**
 * Reads a `dOps`. The decoder's rate is always 48 kHz.
 *
 * @throws FormatError if it ends early, is of another version than 0 or has no channel
 */
export function parseDOps(record: Uint8Array): AudioShape {
  const reader = new ByteReader(record, "'dOps'");
  if (reader.u8() !== 0) throw new FormatError('dOps of an unknown version', 0);
  const channels = reader.u8();
  if (channels === 0) throw new FormatError('dOps without a channel', 1);
  reader.skip(8); // PreSkip, InputSampleRate, OutputGain
  if (reader.u8() !== 0) reader.skip(2 + channels); // StreamCount, CoupledCount, ChannelMapping
  return { sampleRate: 48_000, channels };
}
