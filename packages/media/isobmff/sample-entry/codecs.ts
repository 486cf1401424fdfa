/**
 * Parses decoder configuration records: the RFC 6381 codec string, and for AAC sample rate and channels.
 * In: bodies of avcC and hvcC, an AudioSpecificConfig. Out: strings and numbers. Pure.
 * ISO/IEC 14496-15, 5.3.3.1, 8.3.3.1 and annex E; ISO/IEC 14496-3, 1.6.2.1; RFC 6381.
 */
import { FormatError } from '../../errors.ts';

const hex = (byte: number) => byte.toString(16).padStart(2, '0');

/**
 * `avc1.PPCCLL` of an avcC body.
 *
 * @throws FormatError if it is shorter than 7 bytes or not version 1
 */
export function avcCodecs(record: Uint8Array): string {
  if (record.length < 7 || record[0] !== 1) throw new FormatError('avcC is too short or of an unknown version', 0);
  return `avc1.${hex(record[1]!)}${hex(record[2]!)}${hex(record[3]!)}`;
}

/**
 * `hvc1.…` of an hvcC body (14496-15, annex E.3).
 *
 * @throws FormatError if it is shorter than 23 bytes
 */
export function hevcCodecs(record: Uint8Array): string {
  if (record.length < 23) throw new FormatError('hvcC is too short', 0);
  const first = record[1]!;
  const space = ['', 'A', 'B', 'C'][first >> 6]!;
  const tier = first & 0x20 ? 'H' : 'L';
  // The compatibility flags are written with their bits reversed.
  let flags = 0;
  for (let bit = 0; bit < 32; bit++) {
    if (record[2 + (bit >> 3)]! & (0x80 >> (bit & 7))) flags += 2 ** bit;
  }
  const constraints = [...record.subarray(6, 12)];
  while (constraints.at(-1) === 0) constraints.pop();
  const tail = constraints.map((byte) => `.${byte.toString(16).toUpperCase()}`).join('');
  return `hvc1.${space}${first & 0x1f}.${flags.toString(16).toUpperCase()}.${tier}${record[12]}${tail}`;
}

/** Fields of an AudioSpecificConfig. */
interface AacConfig {
  /** `mp4a.40.N`. */
  readonly codecs: string;
  /** Hz of the decoder's output: that of the extension where SBR is signalled. */
  readonly sampleRate: number;
  /** 1 to 24, or 0 where the channels are described elsewhere in the config. */
  readonly channels: number;
}

const RATES = [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350];
const CHANNELS = [0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 24, 8, 0];

/**
 * Reads the head of an AudioSpecificConfig (14496-3, 1.6.2.1).
 *
 * @throws FormatError if it ends early or names a reserved rate
 */
export function parseAacConfig(config: Uint8Array): AacConfig {
  let at = 0;
  const bits = (count: number) => {
    let value = 0;
    for (let i = 0; i < count; i++, at++) {
      const byte = config[at >> 3];
      if (byte === undefined) throw new FormatError('AudioSpecificConfig ends early', at >> 3);
      value = value * 2 + ((byte >> (7 - (at & 7))) & 1);
    }
    return value;
  };
  const objectType = () => {
    const type = bits(5);
    return type === 31 ? 32 + bits(6) : type;
  };
  const rate = () => {
    const index = bits(4);
    const value = index === 15 ? bits(24) : RATES[index];
    if (!value) throw new FormatError(`AAC sampling frequency index ${index} is reserved`, at >> 3);
    return value;
  };
  const type = objectType();
  const coreRate = rate();
  const channels = CHANNELS[bits(4)]!;
  const sampleRate = type === 5 || type === 29 ? rate() : coreRate;
  return { codecs: `mp4a.40.${type}`, sampleRate, channels: type === 29 && channels === 1 ? 2 : channels };
}
