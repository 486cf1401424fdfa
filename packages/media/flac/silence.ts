/**
 * Silent FLAC frames, to fill missing audio while video continues (docs/media.md 15).
 * In: a track's configuration. Out: one frame of the most samples of a block, each channel the constant 0.
 * RFC 9639, 9.1 to 9.3.
 */
import type { AudioConfig } from '../frame.ts';
import { FLAC_DEPTHS, FLAC_RATES, flacCrc8, flacCrc16 } from './frame-header.ts';
import { parseDfLa } from './stream-info.ts';

const FIXED_BLOCKS = 0xf8;
const VARIABLE_BLOCKS = 0xf9;
/** The block size is written in 16 bits. */
const BLOCK_CODE = 7;

/**
 * A silent frame. Its number is 0: decoders do not count.
 *
 * @returns a new array
 * @throws FormatError if the record cannot be read
 */
export function silentFlacFrame({ record }: AudioConfig): Uint8Array {
  const { leastBlock, mostBlock, sampleRate, channels, bitDepth } = parseDfLa(record);
  // Code 0, for values without a code, refers to STREAMINFO.
  const rate = Math.max(0, FLAC_RATES.indexOf(sampleRate));
  const depth = Math.max(0, FLAC_DEPTHS.indexOf(bitDepth));
  const header = [
    ...[0xff, leastBlock === mostBlock ? FIXED_BLOCKS : VARIABLE_BLOCKS, (BLOCK_CODE << 4) | rate],
    ...[((channels - 1) << 4) | (depth << 1), 0, (mostBlock - 1) >> 8, (mostBlock - 1) & 0xff],
  ];
  // A subframe is a byte that says constant, which is 0, and one sample.
  const body = Math.ceil((channels * (8 + bitDepth)) / 8);
  const frame = new Uint8Array(header.length + 1 + body + 2);
  frame.set(header);
  frame[header.length] = flacCrc8(frame, 0, header.length);
  new DataView(frame.buffer).setUint16(frame.length - 2, flacCrc16(frame, 0, frame.length - 2));
  return frame;
}
