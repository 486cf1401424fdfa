/**
 * AudioSpecificConfig, the decoder configuration of AAC.
 * In: the record from `esds`, or the fields of an ADTS header. Out: the fields, the record, an AudioConfig.
 * ISO/IEC 14496-3, 1.6.2.1 and 4.4.1.
 */
import { BitReader, BitWriter } from '../bits.ts';
import { FormatError } from '../errors.ts';
import type { AudioConfig } from '../frame.ts';

/** Hz by samplingFrequencyIndex (ISO/IEC 14496-3, table 1.18). */
export const AAC_SAMPLE_RATES = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
] as const;

/** Output channels by channelConfiguration (table 1.19); 0 if they are defined elsewhere or not allowed. */
const CHANNELS = [0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 0, 8, 0] as const;

/** The fields of an AudioSpecificConfig. */
export interface AacConfig {
  /** Of the core coder: 2 is AAC-LC. */
  readonly objectType: number;
  /** Hz of the core coder; frames count in it. */
  readonly sampleRate: number;
  /** 0 to 15; 0 means that the channels are in a program_config_element. */
  readonly channelConfiguration: number;
  readonly channels: number;
  /** Samples a frame gives at `sampleRate`: 1024 or 960. */
  readonly samplesPerFrame: number;
  /** Explicitly signalled spectral band replication: Hz of the output. */
  readonly sbrRate?: number;
  /** Says that there is no spectral band replication; otherwise decoders look for it in the frames. */
  readonly deniesSbr?: true;
  /** Explicitly signalled parametric stereo. */
  readonly parametricStereo: boolean;
}

/**
 * Output channels of a channelConfiguration, or undefined if it is 0 or reserved.
 */
export function aacChannels(channelConfiguration: number): number | undefined {
  return CHANNELS[channelConfiguration] || undefined;
}

/**
 * Reads an AudioSpecificConfig.
 *
 * @throws FormatError if it ends early or names a reserved rate or channel configuration
 */
export function parseAacConfig(record: Uint8Array): AacConfig {
  const bits = new BitReader(record, 'AudioSpecificConfig');
  let objectType = parseObjectType(bits);
  const sampleRate = parseRate(bits);
  const channelConfiguration = bits.u(4);
  let sbrRate: number | undefined;
  let parametricStereo = false;
  let deniesSbr = false;
  if (objectType === 5 || objectType === 29) {
    parametricStereo = objectType === 29;
    sbrRate = parseRate(bits);
    objectType = parseObjectType(bits);
  }
  const general = isGeneralAudio(objectType) ? parseGeneral(bits, objectType, channelConfiguration) : undefined;
  const channels = general?.channels ?? CHANNELS[channelConfiguration]!;
  if (channels === 0) throw new FormatError(`channelConfiguration ${channelConfiguration} is not known`, 1);
  if (general && sbrRate === undefined && bits.left >= 16) {
    const extension = parseSyncExtension(bits);
    sbrRate = extension.sbrRate;
    parametricStereo = extension.parametricStereo;
    deniesSbr = extension.deniesSbr;
  }
  const config = {
    objectType,
    sampleRate,
    channelConfiguration,
    channels,
    samplesPerFrame: general?.samplesPerFrame ?? 1024,
    parametricStereo,
    ...(deniesSbr && { deniesSbr }),
  };
  return sbrRate === undefined ? config : { ...config, sbrRate };
}

function parseObjectType(bits: BitReader): number {
  const type = bits.u(5);
  return type === 31 ? 32 + bits.u(6) : type;
}

function parseRate(bits: BitReader): number {
  const index = bits.u(4);
  const rate = index === 15 ? bits.u(24) : AAC_SAMPLE_RATES[index];
  if (!rate) throw new FormatError(`AAC sampling frequency index ${index} is reserved`, bits.offset >> 3);
  return rate;
}

function isGeneralAudio(objectType: number): boolean {
  return [1, 2, 3, 4, 6, 7, 17, 19, 20, 21, 22, 23].includes(objectType);
}

/** GASpecificConfig up to the frame length and the channels. */
function parseGeneral(bits: BitReader, objectType: number, channelConfiguration: number) {
  const short = bits.flag();
  if (bits.flag()) bits.skip(14); // coreCoderDelay
  const extension = bits.flag();
  const channels = channelConfiguration === 0 ? parseProgramConfig(bits) : undefined;
  if (objectType === 6 || objectType === 20) bits.skip(3); // layerNr
  if (extension) {
    if (objectType === 22) bits.skip(16);
    if ([17, 19, 20, 23].includes(objectType)) bits.skip(3);
    bits.skip(1); // extensionFlag3
  }
  const base = objectType === 23 ? 512 : 1024;
  return { samplesPerFrame: short ? (base / 16) * 15 : base, channels };
}

/** program_config_element (4.4.1.1): only the channels are wanted. */
function parseProgramConfig(bits: BitReader): number {
  bits.skip(4 + 2 + 4); // tag, object type, sampling frequency index
  const [front, side, back] = [bits.u(4), bits.u(4), bits.u(4)];
  const lfe = bits.u(2);
  const data = bits.u(3);
  const coupling = bits.u(4);
  for (let i = 0; i < 2; i++) if (bits.flag()) bits.skip(4); // mono, stereo mixdown
  if (bits.flag()) bits.skip(3); // matrix mixdown
  let channels = lfe;
  for (let i = 0; i < front + side + back; i++) {
    channels += bits.flag() ? 2 : 1;
    bits.skip(4);
  }
  bits.skip(lfe * 4 + data * 4 + coupling * 5);
  bits.align();
  bits.skip(bits.u(8) * 8); // comment
  return channels;
}

/**
 * Backward compatible signalling (1.6.5.3): SBR and PS behind the core's config, where old decoders do not
 * look.
 */
function parseSyncExtension(bits: BitReader) {
  const none = { sbrRate: undefined, parametricStereo: false, deniesSbr: false };
  if (bits.u(11) !== 0x2b7 || parseObjectType(bits) !== 5 || bits.left < 1) return none;
  if (!bits.flag()) return { ...none, deniesSbr: true };
  const sbrRate = parseRate(bits);
  const parametricStereo = bits.left >= 12 && bits.u(11) === 0x548 && bits.flag();
  return { sbrRate, parametricStereo, deniesSbr: false };
}

/**
 * Writes an AudioSpecificConfig of 2 bytes (5 where the rate has no index) for frames of 1024 samples.
 *
 * @param config of a core coder without extensions
 */
export function printAacConfig(
  config: Pick<AacConfig, 'objectType' | 'sampleRate' | 'channelConfiguration'>,
): Uint8Array {
  const index = (AAC_SAMPLE_RATES as readonly number[]).indexOf(config.sampleRate);
  const bits = new BitWriter().u(config.objectType, 5).u(index < 0 ? 15 : index, 4);
  if (index < 0) bits.u(config.sampleRate, 24);
  return bits.u(config.channelConfiguration, 4).u(0, 3).finish();
}

/**
 * The configuration of a track from its AudioSpecificConfig. With explicit SBR the codec string is
 * `mp4a.40.5` (`mp4a.40.29` with parametric stereo) and the sample rate that of the output.
 *
 * @param record is kept, not copied
 * @throws FormatError as parseAacConfig
 */
export function aacConfigFromRecord(record: Uint8Array): AudioConfig {
  const config = parseAacConfig(record);
  const hierarchical = record[0]! >> 3 === 5 || record[0]! >> 3 === 29;
  const type = hierarchical ? record[0]! >> 3 : config.objectType;
  return {
    codec: 'aac',
    record,
    codecs: `mp4a.40.${type}`,
    sampleRate: config.sbrRate ?? config.sampleRate,
    channels: config.parametricStereo ? 2 : config.channels,
  };
}
