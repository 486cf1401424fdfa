/**
 * ADTS: the header before each AAC frame in MPEG-TS.
 * In: bytes. Out: the header's fields, and the configuration they stand for; or a configuration, and the
 * headers of its frames. ISO/IEC 14496-3, 1.A.2.2.
 */
import { OxbowError } from '../errors.ts';
import type { AudioConfig } from '../frame.ts';
import { AAC_SAMPLE_RATES, aacChannels, parseAacConfig, printAacConfig } from './config.ts';

/** Bytes of the fixed and variable header together, without CRC. */
export const ADTS_HEADER_BYTES = 7;

export interface AdtsHeader {
  /** Audio object type, 1 to 4; 2 is AAC-LC. */
  readonly objectType: number;
  /** Hz. */
  readonly sampleRate: number;
  /** 0 to 7. */
  readonly channelConfiguration: number;
  /** Bytes of the header, 7 or with CRC 9. */
  readonly headerBytes: number;
  /** Bytes of header and frame together. */
  readonly frameBytes: number;
  /** Raw data blocks in the frame, 1 to 4, each of 1024 samples. */
  readonly blocks: number;
}

/**
 * Reads the header at `at`, or gives undefined where there is none: wrong sync word, reserved rate, a length
 * shorter than the header, or fewer than 7 bytes before `end`.
 */
export function parseAdtsHeader(bytes: Uint8Array, at: number, end: number): AdtsHeader | undefined {
  if (at + ADTS_HEADER_BYTES > end || bytes[at] !== 0xff || (bytes[at + 1]! & 0xf6) !== 0xf0) return undefined;
  const b2 = bytes[at + 2]!;
  const b3 = bytes[at + 3]!;
  const sampleRate = AAC_SAMPLE_RATES[(b2 >> 2) & 0xf];
  const headerBytes = bytes[at + 1]! & 1 ? 7 : 9;
  const frameBytes = ((b3 & 3) << 11) | (bytes[at + 4]! << 3) | (bytes[at + 5]! >> 5);
  if (sampleRate === undefined || frameBytes <= headerBytes) return undefined;
  return {
    objectType: (b2 >> 6) + 1,
    sampleRate,
    channelConfiguration: ((b2 & 1) << 2) | (b3 >> 6),
    headerBytes,
    frameBytes,
    blocks: (bytes[at + 6]! & 3) + 1,
  };
}

/**
 * The configuration in an ADTS header; undefined for channel configuration 0, whose channels are inside the
 * frames.
 */
export function adtsConfig(header: AdtsHeader): AudioConfig | undefined {
  const channels = aacChannels(header.channelConfiguration);
  if (channels === undefined) return undefined;
  return {
    codec: 'aac',
    record: printAacConfig(header),
    codecs: `mp4a.40.${header.objectType}`,
    sampleRate: header.sampleRate,
    channels,
  };
}

/** Fields that are equal in every header of a track. */
interface AdtsForm {
  /** profile_ObjectType: audio object type - 1. */
  readonly profile: number;
  /** sampling_frequency_index. */
  readonly rateIndex: number;
  /** channel_configuration, 1 to 7. */
  readonly channelConfiguration: number;
}

/** Most bytes of a frame with its header: 13 bits. */
const MAX_FRAME_BYTES = 0x1fff;

/**
 * Header fields for a track's frames in ADTS: those of the core coder, because extensions are signaled inside
 * the frames.
 *
 * @param record AudioSpecificConfig
 * @throws OxbowError `unsupported-media` for a configuration that ADTS cannot express
 * @throws FormatError as parseAacConfig
 */
export function adtsFormOf(record: Uint8Array): AdtsForm {
  const { objectType, sampleRate, channelConfiguration, samplesPerFrame } = parseAacConfig(record);
  const rateIndex = (AAC_SAMPLE_RATES as readonly number[]).indexOf(sampleRate);
  const isPlain = objectType <= 4 && samplesPerFrame === 1024;
  if (!isPlain || rateIndex < 0 || channelConfiguration < 1 || channelConfiguration > 7) {
    const format = `object type ${objectType}, ${sampleRate} Hz, channel configuration ${channelConfiguration}`;
    throw new OxbowError('unsupported-media', `MPEG-TS cannot carry this AAC (${format}, ${samplesPerFrame} samples).`);
  }
  return { profile: objectType - 1, rateIndex, channelConfiguration };
}

/**
 * Writes the header of one frame: MPEG-4, without CRC, one raw data block, variable rate.
 *
 * @param out is written from `at` on, 7 bytes
 * @param bytes of the raw frame, without header
 * @throws OxbowError `unsupported-media` if the frame is longer than a header can tell
 */
export function writeAdtsHeader(out: Uint8Array, at: number, form: AdtsForm, bytes: number): void {
  const size = ADTS_HEADER_BYTES + bytes;
  if (size > MAX_FRAME_BYTES) throw new OxbowError('unsupported-media', `An AAC frame of ${bytes} bytes is too long.`);
  const { profile, rateIndex, channelConfiguration } = form;
  out[at] = 0xff;
  out[at + 1] = 0xf1;
  out[at + 2] = (profile << 6) | (rateIndex << 2) | (channelConfiguration >> 2);
  out[at + 3] = ((channelConfiguration & 3) << 6) | (size >> 11);
  out[at + 4] = (size >> 3) & 0xff;
  out[at + 5] = ((size & 7) << 5) | 0x1f; // buffer fullness 0x7ff: variable rate
  out[at + 6] = 0xfc;
}
