/**
 * Framing of each audio codec: frame headers, lengths and configurations.
 * In: bytes of a PES. Out: lengths, samples, configurations; one interface for all codecs.
 * AAC: ISO/IEC 14496-3, 1.A.2; MP3: ISO/IEC 11172-3, 2.4.1; AC-3, E-AC-3: ETSI TS 102 366; Opus: ETSI TS
 * 103 491.
 */
import { ADTS_HEADER_BYTES, type AdtsHeader, adtsConfig, parseAdtsHeader } from '../../aac/adts.ts';
import { ac3Config, eac3Config } from '../../ac3/config.ts';
import { AC3_HEADER_BYTES, type Ac3Header, type Eac3Header, parseSyncframe } from '../../ac3/syncframe.ts';
import type { AudioConfig } from '../../frame.ts';
import { MP3_HEADER_BYTES, type Mp3Header, mp3Config, parseMp3Header } from '../../mp3/header.ts';
import { opusConfig } from '../../opus/config.ts';
import { OPUS_RATE, opusSamples, parseOpusControl } from '../../opus/packet.ts';

/** One frame in a byte stream. */
export interface AudioUnit {
  /** Bytes before the frame that do not belong to it. */
  readonly headerBytes: number;
  /** Including the header before it. */
  readonly frameBytes: number;
  /** Samples at `sampleRate`; 0 for a unit that adds channels to the previous one. */
  readonly samples: number;
  /** Hz. */
  readonly sampleRate: number;
  /** Units with the same key have the same configuration. */
  readonly signature: number;
  /** A part of a frame: following units may belong to the frame, until one begins the next. */
  readonly piece?: { readonly begins: boolean; readonly least: number };
  /** Why it is not supported. */
  readonly refused?: string;
  /** Result of the codec's parser; absent where the unit has its fields. */
  readonly header?: unknown;
}

/** Framing of one codec. */
export interface AudioFraming {
  /** Name in messages. */
  readonly name: string;
  /** The first byte of each frame. */
  readonly firstByte: number;
  /** Parses the unit at `at`; undefined if there is none, `short` if its header ends after `end`. */
  parse(bytes: Uint8Array, at: number, end: number): AudioUnit | 'short' | undefined;
  /** The configuration of a frame of these units, or the name of the unsupported format. */
  config(units: readonly AudioUnit[]): AudioConfig | string;
}

type AdtsUnit = AudioUnit & AdtsHeader;

/** AAC in ADTS. */
export const adtsFraming: AudioFraming = {
  name: 'AAC',
  firstByte: 0xff,
  parse(bytes, at, end) {
    if (end - at < ADTS_HEADER_BYTES) return bytes[at] === 0xff ? 'short' : undefined;
    const header = parseAdtsHeader(bytes, at, end);
    if (!header) return undefined;
    const { headerBytes, frameBytes, sampleRate, objectType, channelConfiguration, blocks } = header;
    const signature = (sampleRate << 8) | (objectType << 4) | channelConfiguration;
    const unit = {
      headerBytes,
      frameBytes,
      sampleRate,
      signature,
      samples: 1024,
      // The header within the unit: another object for each frame would be garbage.
      objectType,
      channelConfiguration,
      blocks,
    };
    return blocks > 1 ? { ...unit, refused: 'an ADTS frame with several raw data blocks' } : unit;
  },
  config: ([unit]) => adtsConfig(unit as AdtsUnit) ?? 'AAC audio with its channels inside the frames',
};

/** MP3, and Layer I and II of MPEG audio. */
export const mp3Framing: AudioFraming = {
  name: 'MPEG audio',
  firstByte: 0xff,
  parse(bytes, at, end) {
    if (end - at < MP3_HEADER_BYTES) return bytes[at] === 0xff ? 'short' : undefined;
    const header = parseMp3Header(bytes, at, end);
    if (!header) return undefined;
    const { frameBytes, samples, sampleRate, version, layer, channels } = header;
    const signature = (sampleRate << 8) | ((version * 2) << 4) | (layer << 2) | channels;
    return { headerBytes: 0, frameBytes, samples, sampleRate, signature, header };
  },
  config: ([unit]) => mp3Config(unit!.header as Mp3Header),
};

/** AC-3 and E-AC-3, which bsid distinguishes. */
export const ac3Framing: AudioFraming = {
  name: 'AC-3',
  firstByte: 0x0b,
  parse(bytes, at, end) {
    const header = parseSyncframe(bytes, at, end);
    if (!header) return bytes[at] === 0x0b && end - at < AC3_HEADER_BYTES ? 'short' : undefined;
    const { frameBytes, samples, sampleRate, fscod, version, layout, lfe, service } = header;
    const common = (fscod << 13) | (version << 8) | (layout << 5) | (Number(lfe) << 4) | service;
    if (header.codec === 'ac3') return { headerBytes: 0, frameBytes, samples, sampleRate, signature: common, header };
    const countedSamples = header.dependent || header.substream !== 0 ? 0 : samples;
    const signature = common ^ ((header.channelMap << 16) | (header.substream << 1) | Number(header.dependent));
    // ISO BMFF requires six blocks of all substreams in one sample (ETSI TS 102 366, F.5).
    const piece = { begins: countedSamples > 0, least: 1536 };
    return { headerBytes: 0, frameBytes, samples: countedSamples, sampleRate, signature, piece, header };
  },
  config(units) {
    const headers = units.map((unit) => unit.header as Ac3Header | Eac3Header);
    const first = headers[0]!;
    if (first.codec === 'ac3') return ac3Config(first);
    if (first.fscod === 3) return 'E-AC-3 audio at a half sample rate';
    return eac3Config(headers.filter((header) => header.codec === 'eac3'));
  },
};

/**
 * Opus with control headers.
 *
 * @param channelConfigCode from the extension descriptor of the PMT
 */
export function opusFraming(channelConfigCode: number): AudioFraming {
  return {
    name: 'Opus',
    firstByte: 0x7f,
    parse(bytes, at, end) {
      const control = parseOpusControl(bytes, at, end);
      if (control === undefined || control === 'short') return control;
      const { headerBytes, packetBytes } = control;
      const from = at + headerBytes;
      if (from + 2 > end && from + packetBytes > end) return 'short';
      const samples = opusSamples(bytes, from, Math.min(end, from + packetBytes));
      if (samples === undefined) return undefined;
      const frameBytes = headerBytes + packetBytes;
      return { headerBytes, frameBytes, samples, sampleRate: OPUS_RATE, signature: 0, header: control };
    },
    config: () => opusConfig(channelConfigCode) ?? `Opus audio with channel configuration ${channelConfigCode}`,
  };
}
