/**
 * The configuration of FLAC: STREAMINFO, bare or after the marker of a FLAC stream, and the body of `dfLa`
 * in ISO BMFF.
 * In: a sequence header of enhanced RTMP, or a record. Out: an AudioConfig, the fields, or a header.
 * RFC 9639, 6 and 8.2; Encapsulation of FLAC in ISO Base Media File Format, 3.3.2; Enhanced RTMP v2,
 * "ExAudioTagBody".
 */
import { BitReader } from '../bits.ts';
import { ByteReader, concatBytes } from '../bytes.ts';
import { FormatError } from '../errors.ts';
import type { AudioConfig } from '../frame.ts';

const MARKER = new TextEncoder().encode('fLaC');
const STREAM_INFO = 0;
const STREAM_INFO_BYTES = 34;
const BLOCK_HEADER_BYTES = 4;
const VERSION_BYTES = 4;
/**
 * Block sizes, sample rate, channels and bits per sample are what holds for a stream without beginning and
 * end.
 */
const FRAME_SIZES = { from: 4, to: 10 } as const;
const TOTAL_SAMPLES = { byte: 13, from: 14, to: STREAM_INFO_BYTES } as const;
const LEAST_BLOCK = 16;

/** Fields of STREAMINFO. */
interface StreamInfo {
  /**
   * Samples of a frame: the least, except for the last one, and the most, 16 to 65,535. Equal where the block
   * size is fixed.
   */
  readonly leastBlock: number;
  readonly mostBlock: number;
  /** Hz, 1 to 1,048,575. */
  readonly sampleRate: number;
  /** 1 to 8 */
  readonly channels: number;
  /** Bits per sample, 4 to 32. */
  readonly bitDepth: number;
}

/**
 * Reads the body of a STREAMINFO block.
 *
 * @param from where the body begins
 * @throws FormatError if it ends early or a field is out of its range
 */
function parseStreamInfo(bytes: Uint8Array, from: number): StreamInfo {
  const bits = new BitReader(bytes, 'STREAMINFO', from, from + STREAM_INFO_BYTES);
  const [leastBlock, mostBlock] = [bits.u(16), bits.u(16)];
  bits.skip(48); // Least and most bytes of a frame
  const [sampleRate, channels, bitDepth] = [bits.u(20), bits.u(3) + 1, bits.u(5) + 1];
  bits.skip(36 + 128); // Number of samples, MD5 of them
  if (mostBlock < LEAST_BLOCK || leastBlock > mostBlock) {
    throw new FormatError(`STREAMINFO with blocks of ${leastBlock} to ${mostBlock} samples`, from);
  }
  if (sampleRate === 0) throw new FormatError('STREAMINFO without a sample rate', from);
  if (bitDepth < 4) throw new FormatError(`STREAMINFO with ${bitDepth} bits per sample`, from);
  return { leastBlock, mostBlock, sampleRate, channels, bitDepth };
}

/**
 * Reads a `dfLa`.
 *
 * @param record body of the box, with its version and flags
 * @throws FormatError if it ends early, is of another version than 0 or does not begin with STREAMINFO
 */
export function parseDfLa(record: Uint8Array): StreamInfo {
  const reader = new ByteReader(record, "'dfLa'");
  if (reader.u8() !== 0) throw new FormatError('dfLa of an unknown version', 0);
  reader.skip(VERSION_BYTES - 1);
  expectStreamInfo(reader);
  return parseStreamInfo(record, reader.offset);
}

function expectStreamInfo(reader: ByteReader): void {
  const at = reader.offset;
  const type = reader.u8() & 0x7f;
  if (type !== STREAM_INFO || reader.u24() !== STREAM_INFO_BYTES) {
    throw new FormatError('the first block of metadata is not STREAMINFO', at);
  }
}

/**
 * The configuration of a track from its sequence header: the marker `fLaC` and STREAMINFO with its block
 * header, as the specification has it, or only the body of STREAMINFO, as FFmpeg sends it. What describes a
 * whole stream (frame sizes, length, MD5) is left out, because a live stream is joined in the middle.
 *
 * @throws FormatError if it ends early, or is neither of the two
 */
export function flacConfigFromHeader(header: Uint8Array): AudioConfig {
  let from = 0;
  if (header.length !== STREAM_INFO_BYTES) {
    const reader = new ByteReader(header, 'FLAC header');
    for (const byte of MARKER) if (reader.u8() !== byte) throw new FormatError('a FLAC header without its marker', 0);
    expectStreamInfo(reader);
    from = reader.offset;
  }
  const { sampleRate, channels } = parseStreamInfo(header, from);
  const record = new Uint8Array(VERSION_BYTES + BLOCK_HEADER_BYTES + STREAM_INFO_BYTES);
  record.set([0x80 | STREAM_INFO, 0, 0, STREAM_INFO_BYTES], VERSION_BYTES);
  const info = record.subarray(VERSION_BYTES + BLOCK_HEADER_BYTES);
  info.set(header.subarray(from, from + STREAM_INFO_BYTES));
  info.fill(0, FRAME_SIZES.from, FRAME_SIZES.to);
  info[TOTAL_SAMPLES.byte]! &= 0xf0;
  info.fill(0, TOTAL_SAMPLES.from, TOTAL_SAMPLES.to);
  return { codec: 'flac', record, codecs: 'fLaC', sampleRate, channels };
}

/**
 * The start of a FLAC stream, for enhanced RTMP and Matroska: the marker and the blocks of metadata.
 *
 * @param record body of `dfLa`
 */
export function printFlacHeader(record: Uint8Array): Uint8Array {
  return concatBytes([MARKER, record.subarray(VERSION_BYTES)]);
}
