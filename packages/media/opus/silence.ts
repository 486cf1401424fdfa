/**
 * Silent Opus packets, to fill missing audio while video continues (docs/media.md 15).
 * In: a track's configuration. Out: one packet of 20 ms. RFC 6716, 3.1 (TOC) and 4.3 (CELT: the first symbol
 * says silence).
 */
import { OxbowError } from '../errors.ts';
import type { AudioConfig } from '../frame.ts';

/** CELT, full band, 20 ms. */
const CONFIGURATION = 31 << 3;
const STEREO = 4;
const FAMILY_AT = 10;

/**
 * A silent packet.
 *
 * @returns a new array
 * @throws OxbowError `unsupported-media` for more than one stream in a packet
 */
export function silentOpusPacket({ record, channels }: AudioConfig): Uint8Array {
  if (record[FAMILY_AT] !== 0 || channels > 2) {
    throw new OxbowError('unsupported-media', `oxbow has no silent packet for Opus with ${channels} channels.`);
  }
  return Uint8Array.of(CONFIGURATION | (channels === 2 ? STEREO : 0), 0xff, 0xfe);
}
