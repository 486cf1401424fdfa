/**
 * The colours of a video, as its parameter sets state them, and the dynamic range that follows.
 * In: the configuration of a track. Out: code points of ISO/IEC 23091-2; VIDEO-RANGE of RFC 8216bis 4.4.6.2.
 * Pure.
 */

import { av1Colours } from './av1/sequence-header.ts';
import { FormatError } from './errors.ts';
import type { Track, VideoConfig } from './frame.ts';
import type { Colours } from './h264/vui.ts';
import { spsOf } from './sps.ts';
import { vp9Colours } from './vp9/vpcc.ts';

/** Values of VIDEO-RANGE. */
type VideoRange = 'SDR' | 'HLG' | 'PQ';

/** Code points of the transfer characteristics of HDR; all others are SDR. */
const RANGES: ReadonlyMap<number, VideoRange> = new Map([
  [16, 'PQ'],
  [18, 'HLG'],
]);

/** By configuration: lists are printed often. */
const cache = new WeakMap<VideoConfig, { readonly colours: Colours | undefined }>();

/** The colours that a video states; undefined where it states none. */
export function coloursOf(config: VideoConfig): Colours | undefined {
  const entry = cache.get(config) ?? { colours: parse(config) };
  cache.set(config, entry);
  return entry.colours;
}

/** The dynamic range of a track; undefined for one without a picture. */
export function videoRangeOf(track: Track | undefined): VideoRange | undefined {
  if (track?.kind !== 'video') return undefined;
  return RANGES.get(coloursOf(track.config)?.transfer ?? 0) ?? 'SDR';
}

function parse(config: VideoConfig): Colours | undefined {
  const { codec, record } = config;
  try {
    if (codec === 'av1') return av1Colours(record);
    return codec === 'vp9' ? vp9Colours(record) : spsOf(config)?.colours;
  } catch (error) {
    // A configuration that plays elsewhere may exceed this parser: it counts as one that states
    // nothing.
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}
