/**
 * Silent AAC frames, to fill missing audio while video continues (docs/media.md 15).
 * In: a track's configuration. Out: one raw access unit without any spectrum. ISO/IEC 14496-3, 4.4.2 and
 * table 4.85.
 */
import { BitWriter } from '../bits.ts';
import { OxbowError } from '../errors.ts';
import type { AudioConfig } from '../frame.ts';
import { parseAacConfig } from './config.ts';

/** id_syn_ele: single channel, channel pair, low frequency, end. */
const SCE = 0;
const CPE = 1;
const LFE = 3;
const END = 7;

/** Syntactic elements by channelConfiguration (table 1.19). */
const LAYOUTS: readonly (readonly number[] | undefined)[] = [
  undefined,
  [SCE],
  [CPE],
  [SCE, CPE],
  [SCE, CPE, SCE],
  [SCE, CPE, CPE],
  [SCE, CPE, CPE, LFE],
  [SCE, CPE, CPE, CPE, LFE],
];

/**
 * A silent frame of AAC-LC for the given configuration (1 to 8 channels in the usual order), 1024 or 960
 * samples long as the configuration says.
 *
 * @returns a new array: one raw_data_block, byte aligned, without ADTS header
 * @throws OxbowError `unsupported-media` if it is not AAC-LC (with or without SBR) or has an unusual channel
 *   layout
 * @throws FormatError if the record cannot be read
 */
export function silentFrame(config: AudioConfig): Uint8Array {
  const { objectType, channelConfiguration } = parseAacConfig(config.record);
  const layout = LAYOUTS[channelConfiguration];
  if (objectType !== 2 || !layout) {
    throw new OxbowError(
      'unsupported-media',
      `oxbow has no silent frame for ${config.codecs} with ${config.channels} channels.`,
    );
  }
  const bits = new BitWriter();
  const tags = new Map<number, number>();
  for (const element of layout) {
    const tag = tags.get(element) ?? 0;
    tags.set(element, tag + 1);
    bits.u(element, 3).u(tag, 4);
    if (element === CPE) bits.u(0, 1); // common_window
    writeEmptyChannel(bits);
    if (element === CPE) writeEmptyChannel(bits);
  }
  return bits.u(END, 3).finish();
}

/**
 * individual_channel_stream of one long window with max_sfb 0: no sections, scale factors or spectrum follow.
 */
function writeEmptyChannel(bits: BitWriter): void {
  bits.u(100, 8); // global_gain, without effect
  bits.u(0, 1).u(0, 2).u(0, 1).u(0, 6).u(0, 1); // ics_reserved, ONLY_LONG_SEQUENCE, window_shape, max_sfb, predictor
  bits.u(0, 3); // pulse, TNS, gain control
}
