/**
 * MPEG audio: the header that begins each frame of MP3 (and of Layer I and II, which differ only in length).
 * In: bytes. Out: the header's fields, and the configuration they stand for. ISO/IEC 11172-3, 2.4.1.3;
 * ISO/IEC 13818-3, 2.4.2.3.
 */
import type { AudioConfig } from '../frame.ts';

export const MP3_HEADER_BYTES = 4;

/** kbit/s by bitrate_index: MPEG-1 Layer I, II, III; MPEG-2 Layer I; MPEG-2 Layer II and III. */
const BIT_RATES = {
  v1: [
    [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
    [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
    [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  ],
  v2: [
    [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
  ],
} as const;
/** Hz by sampling_frequency, MPEG-1; MPEG-2 has half of it, MPEG-2.5 a quarter. */
const SAMPLE_RATES = [44_100, 48_000, 32_000] as const;

/** One frame header. */
export interface Mp3Header {
  /** MPEG-1, or the lower rates of MPEG-2 and its unofficial extension 2.5. */
  readonly version: 1 | 2 | 2.5;
  /** 3 is MP3. */
  readonly layer: 1 | 2 | 3;
  /** kbit/s. */
  readonly bitRate: number;
  /** Hz. */
  readonly sampleRate: number;
  readonly channels: 1 | 2;
  /** Header and frame together. */
  readonly frameBytes: number;
  /** Samples that the frame gives: 384, 576 or 1152. */
  readonly samples: number;
}

/**
 * Parses the header at `at`. Undefined for a wrong sync word, a reserved value, a free bit rate (of unknown
 * frame length), or fewer than 4 bytes before `end`.
 */
export function parseMp3Header(bytes: Uint8Array, at: number, end: number): Mp3Header | undefined {
  if (at + MP3_HEADER_BYTES > end || bytes[at] !== 0xff || (bytes[at + 1]! & 0xe0) !== 0xe0) return undefined;
  const b1 = bytes[at + 1]!;
  const b2 = bytes[at + 2]!;
  const id = (b1 >> 3) & 3; // 00 is MPEG-2.5, 01 reserved
  const layerCode = (b1 >> 1) & 3;
  const baseRate = SAMPLE_RATES[(b2 >> 2) & 3];
  if (id === 1 || layerCode === 0 || baseRate === undefined) return undefined;
  const version = id === 3 ? 1 : id === 2 ? 2 : 2.5;
  const layer = (4 - layerCode) as 1 | 2 | 3;
  const bitRate = (version === 1 ? BIT_RATES.v1 : BIT_RATES.v2)[layer - 1]![b2 >> 4];
  if (!bitRate) return undefined;
  const sampleRate = baseRate / (version === 1 ? 1 : version === 2 ? 2 : 4);
  const samples = layer === 1 ? 384 : layer === 3 && version !== 1 ? 576 : 1152;
  const padding = (b2 >> 1) & 1;
  const slotBytes = layer === 1 ? 4 : 1;
  const slots = Math.floor((samples / 8 / slotBytes) * ((bitRate * 1000) / sampleRate) + 1e-9) + padding;
  const channels = bytes[at + 3]! >> 6 === 3 ? 1 : 2;
  return { version, layer, bitRate, sampleRate, channels, frameBytes: slots * slotBytes, samples };
}

/** The configuration of a track with these frames; all layers have the same name in RFC 6381. */
export function mp3Config({ version, layer, sampleRate, channels }: Omit<Mp3Header, 'frameBytes'>): AudioConfig {
  const codecs = version === 1 ? 'mp4a.6B' : 'mp4a.69';
  const config: AudioConfig = { codec: 'mp3', record: new Uint8Array(0), codecs, sampleRate, channels };
  return layer === 3 ? config : { ...config, layer };
}
