/**
 * Silent MP3 frames, to fill missing audio while video continues (docs/media.md 15).
 * In: a track's configuration. Out: one frame of the least bit rate whose granules have no bits.
 * ISO/IEC 11172-3, 2.4.1.3 and 2.4.1.7.
 */
import { OxbowError } from '../errors.ts';
import type { AudioConfig } from '../frame.ts';
import { parseMp3Header } from './header.ts';

/** Hz by sampling_frequency of MPEG-1; MPEG-2 has half of it, MPEG-2.5 a quarter. */
const BASE_RATES = [44_100, 48_000, 32_000] as const;
/** ID and layer III, without a checksum: MPEG-1, MPEG-2, MPEG-2.5. */
const VERSIONS = [
  { divisor: 1, byte: 0xfb },
  { divisor: 2, byte: 0xf3 },
  { divisor: 4, byte: 0xe3 },
] as const;
const MONO = 0xc0;
/** 32 kbit/s of MPEG-1, 8 of the others: room for the header and the side information. */
const LEAST_BIT_RATE = 1 << 4;

/**
 * A silent frame at the rate and with the channels of the configuration.
 *
 * @returns a new array, header included
 * @throws OxbowError `unsupported-media` for a rate that MP3 does not have
 */
export function silentMp3Frame({ sampleRate, channels }: AudioConfig): Uint8Array {
  for (const { divisor, byte } of VERSIONS) {
    const rate = BASE_RATES.findIndex((base) => base / divisor === sampleRate);
    if (rate < 0) continue;
    // All else is zero: part2_3_length 0 says that a granule has neither scale factors nor spectrum.
    const head = [0xff, byte, LEAST_BIT_RATE | (rate << 2), channels === 1 ? MONO : 0];
    const { frameBytes } = parseMp3Header(Uint8Array.from(head), 0, head.length)!;
    const frame = new Uint8Array(frameBytes);
    frame.set(head);
    return frame;
  }
  throw new OxbowError('unsupported-media', `MP3 has no rate of ${sampleRate} Hz.`);
}
