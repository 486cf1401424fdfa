/**
 * The colours of a video, as its parameter sets state them, else its container or transport, and the dynamic
 * range that follows.
 * In: the configuration of a track. Out: code points of ISO/IEC 23091-2; VIDEO-RANGE of RFC 8216bis 4.4.6.2.
 * Pure.
 */

import { av1Colours } from '../av1/sequence-header.ts';
import { FormatError } from '../errors.ts';
import type { Track, VideoConfig } from '../frame.ts';
import type { Colours } from '../h264/vui.ts';
import { spsOf } from '../sps.ts';
import { parseVpcC } from '../vp9/vpcc.ts';
import { type ColourInfo, colourInfoOf, UNSPECIFIED } from './colour-info.ts';

/** Values of VIDEO-RANGE. */
type VideoRange = 'SDR' | 'HLG' | 'PQ';

/** Code points of the transfer characteristics of HDR; all others are SDR. */
const RANGES: ReadonlyMap<number, VideoRange> = new Map([
  [16, 'PQ'],
  [18, 'HLG'],
]);

/** What parameter sets say of the values of samples. */
interface SampleFormat {
  /** Undefined where they say nothing. */
  readonly colours: Colours | undefined;
  readonly fullRange: boolean;
  /** Bits of a luma sample; undefined where they cannot be read. */
  readonly bitDepth: number | undefined;
}

/** By configuration: lists are printed often. */
const cache = new WeakMap<VideoConfig, SampleFormat>();

/** The values of the samples of a video. */
export function sampleFormatOf(config: VideoConfig): SampleFormat {
  const known = cache.get(config);
  if (known) return known;
  const { colours, fullRange, bitDepth } = parse(config);
  const { colourInfo } = config;
  const format = {
    colours: completed(colours, colourInfo?.colours),
    fullRange: fullRange || colourInfo?.fullRange === true,
    bitDepth,
  };
  cache.set(config, format);
  return format;
}

/**
 * The configuration with what its container or transport states of it, less the colours that its parameter
 * sets state.
 *
 * @param config without `colourInfo`
 */
export function withColourInfo(config: VideoConfig, info: ColourInfo | undefined): VideoConfig {
  if (!info) return config;
  const { colours: stated } = sampleFormatOf(config);
  const colours = addsTo(stated, info.colours) ? completed(stated, info.colours) : undefined;
  const useful = colourInfoOf(colours, info.mastering, info.light, info.fullRange);
  return useful ? { ...config, colourInfo: useful } : config;
}

/** The colours that a video states; undefined where it states none. */
export function coloursOf(config: VideoConfig): Colours | undefined {
  return sampleFormatOf(config).colours;
}

/** The dynamic range of a track; undefined for one without a picture. */
export function videoRangeOf(track: Track | undefined): VideoRange | undefined {
  if (track?.kind !== 'video') return undefined;
  return RANGES.get(coloursOf(track.config)?.transfer ?? 0) ?? 'SDR';
}

/** Parameter sets that state colours state the range too. */
function addsTo(stated: Colours | undefined, further: Colours | undefined): boolean {
  if (!stated || !further) return further !== undefined;
  const isNew = (name: keyof Colours) => stated[name] === UNSPECIFIED && further[name] !== UNSPECIFIED;
  return isNew('primaries') || isNew('transfer') || isNew('matrix');
}

/** The parameter sets have precedence, one by one of their code points. */
function completed(stated: Colours | undefined, further: Colours | undefined): Colours | undefined {
  if (!stated || !further) return stated ?? further;
  const choose = (name: keyof Colours) => (stated[name] === UNSPECIFIED ? further[name] : stated[name]);
  return { primaries: choose('primaries'), transfer: choose('transfer'), matrix: choose('matrix') };
}

const SILENT: SampleFormat = { colours: undefined, fullRange: false, bitDepth: undefined };

function parse(config: VideoConfig): SampleFormat {
  const { codec, record } = config;
  try {
    if (codec === 'vp9') return parseVpcC(record);
    if (codec === 'av1') {
      const header = av1Colours(record);
      if (!header) return SILENT;
      const { colours, fullRange, highBitDepth, twelveBit } = header;
      return { colours, fullRange, bitDepth: twelveBit ? 12 : highBitDepth ? 10 : 8 };
    }
    const sps = spsOf(config);
    return sps ? { colours: sps.colours, fullRange: sps.fullRange ?? false, bitDepth: sps.bitDepthLuma } : SILENT;
  } catch (error) {
    // A configuration that plays elsewhere may exceed this parser: it counts as one that states
    // nothing.
    if (error instanceof FormatError) return SILENT;
    throw error;
  }
}
