/**
 * AC-3 and E-AC-3: the header of a syncframe, whose bsid distinguishes the two.
 * In: bytes. Out: the header's fields. ETSI TS 102 366 (ATSC A/52), 4.3 and 4.4; E-AC-3: annex E, E.1.2 and
 * E.1.3.
 */
import { BitReader } from '../bits.ts';
import { FormatError } from '../errors.ts';

/** Bytes of which a header is read, at most. */
export const AC3_HEADER_BYTES = 16;
/** Samples of a block; a frame has six. */
const BLOCK_SAMPLES = 256;
/** Samples of a frame of AC-3, and of one that ISO BMFF carries of E-AC-3. */
const AC3_SAMPLES = 6 * BLOCK_SAMPLES;
/** The last bsid of AC-3; E-AC-3 has 11 to 16. */
const LAST_AC3_BSID = 10;
const LAST_EAC3_BSID = 16;

/** Hz by fscod. */
const SAMPLE_RATES = [48_000, 44_100, 32_000] as const;
/** kbit/s by frmsizecod / 2 (table 4.13). */
const BIT_RATES = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640] as const;
/** Full channels by acmod (table 4.3). */
const CHANNELS = [2, 1, 2, 3, 3, 4, 4, 5] as const;

/** Fields common to both. */
interface Syncframe {
  /** 0 to 2: 48, 44.1, 32 kHz; 3 is half of a rate, in E-AC-3 only. */
  readonly fscod: number;
  /** bsid. */
  readonly version: number;
  /** bsmod: 0 is a complete main service. */
  readonly service: number;
  /** acmod, 0 to 7. */
  readonly layout: number;
  readonly lfe: boolean;
  /** Hz. */
  readonly sampleRate: number;
  /** Of this frame, with the low frequency channel. */
  readonly channels: number;
  /** Header and frame together. */
  readonly frameBytes: number;
  /** Samples that the frame gives, a multiple of 256. */
  readonly samples: number;
}

/** A frame of AC-3. */
export interface Ac3Header extends Syncframe {
  readonly codec: 'ac3';
  /** bit_rate_code: index of the nominal bit rate, 0 to 18. */
  readonly bitRateCode: number;
}

/** A frame of E-AC-3. */
export interface Eac3Header extends Syncframe {
  readonly codec: 'eac3';
  /** Adds channels to the independent substream before it. */
  readonly dependent: boolean;
  /** 0 to 7. */
  readonly substream: number;
  /**
   * chanmap: where the channels of a dependent substream belong, the left one in the most significant of 16
   * bits; 0 if absent.
   */
  readonly channelMap: number;
}

/**
 * Reads the header at `at`, or gives undefined where there is none: wrong sync word, a reserved value, a
 * length shorter than the header, or fewer bytes before `end` than the header has.
 */
export function parseSyncframe(bytes: Uint8Array, at: number, end: number): Ac3Header | Eac3Header | undefined {
  if (at + 7 > end || bytes[at] !== 0x0b || bytes[at + 1] !== 0x77) return undefined;
  const version = bytes[at + 5]! >> 3; // bsid is at the same position in both
  if (version > LAST_EAC3_BSID) return undefined;
  try {
    const bits = new BitReader(bytes, 'AC-3 header', at + 2, end);
    return version <= LAST_AC3_BSID ? parseAc3(bits) : parseEac3(bits);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return undefined;
  }
}

function parseAc3(bits: BitReader): Ac3Header | undefined {
  bits.skip(16); // crc1
  const fscod = bits.u(2);
  const sizeCode = bits.u(6);
  const bitRate = BIT_RATES[sizeCode >> 1];
  const fullRate = SAMPLE_RATES[fscod];
  if (fullRate === undefined || bitRate === undefined) return undefined;
  const version = bits.u(5);
  const service = bits.u(3);
  const layout = bits.u(3);
  if ((layout & 1) !== 0 && layout !== 1) bits.skip(2); // cmixlev
  if ((layout & 4) !== 0) bits.skip(2); // surmixlev
  if (layout === 2) bits.skip(2); // dsurmod
  const lfe = bits.flag();
  const words = fscod === 1 ? Math.floor((bitRate * 320) / 147) + (sizeCode & 1) : bitRate * (fscod === 0 ? 2 : 3);
  return {
    codec: 'ac3',
    fscod,
    version,
    service,
    layout,
    lfe,
    bitRateCode: sizeCode >> 1,
    // bsid 9 and 10 are AC-3 at a half and a quarter of the rate.
    sampleRate: fullRate >> Math.max(0, version - 8),
    channels: CHANNELS[layout]! + Number(lfe),
    frameBytes: words * 2,
    samples: AC3_SAMPLES,
  };
}

function parseEac3(bits: BitReader): Eac3Header | undefined {
  const type = bits.u(2); // strmtyp: 0 independent, 1 dependent, 2 converted from AC-3
  const substream = bits.u(3);
  const frameBytes = 2 * (bits.u(11) + 1);
  const fscod = bits.u(2);
  const code = bits.u(2); // numblkscod, or fscod2
  const fullRate = SAMPLE_RATES[fscod === 3 ? code : fscod];
  if (type === 3 || fullRate === undefined || frameBytes < 8) return undefined;
  const blocks = fscod === 3 ? 6 : [1, 2, 3, 6][code]!;
  const layout = bits.u(3);
  const lfe = bits.flag();
  const version = bits.u(5);
  for (let program = layout === 0 ? 2 : 1; program > 0; program--) {
    bits.skip(5); // dialnorm
    if (bits.flag()) bits.skip(8); // compr
  }
  const dependent = type === 1;
  const channelMap = dependent && bits.flag() ? bits.u(16) : 0;
  return {
    codec: 'eac3',
    fscod,
    version,
    service: 0,
    layout,
    lfe,
    dependent,
    substream,
    channelMap,
    frameBytes,
    sampleRate: fscod === 3 ? fullRate / 2 : fullRate,
    channels: CHANNELS[layout]! + Number(lfe),
    samples: blocks * BLOCK_SAMPLES,
  };
}
