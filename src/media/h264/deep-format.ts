/**
 * Samples of H.264 that the decoders of browsers and phones do not have: more than 8 bits, 4:2:2 and 4:4:4.
 * In: a configuration. Out: the format in words. Pure. ITU-T H.264, 7.4.2.1.1 and A.2.
 */
import { FormatError } from '../../lib/errors.ts';
import type { VideoConfig } from '../frame.ts';
import { parseAvcC } from './avcc.ts';
import { parseH264Sps } from './sps.ts';

const CHROMA: readonly string[] = ['4:0:0', '4:2:0', '4:2:2', '4:4:4'];

/** E.g. `with 10 bits in 4:2:2`; undefined of 8 bits in 4:2:0, of other codecs, and where it cannot be read. */
export function deepFormatOf({ codec, record }: Pick<VideoConfig, 'codec' | 'record'>): string | undefined {
  if (codec !== 'h264') return undefined;
  try {
    const { chromaFormat, bitDepthLuma, bitDepthChroma } = parseH264Sps(parseAvcC(record).sps[0]!);
    const bits = Math.max(bitDepthLuma, bitDepthChroma);
    // A picture without colours is in High profile, which hardware decodes.
    if (bits === 8 && chromaFormat <= 1) return undefined;
    return `with ${bits} bits in ${CHROMA[chromaFormat]}`;
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return undefined;
  }
}
