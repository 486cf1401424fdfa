/**
 * Samples of H.264 that the decoders of browsers and phones do not have: more than 8 bits, 4:2:2 and 4:4:4.
 * In: a configuration. Out: the format in words. Pure. ITU-T H.264, 7.4.2.1.1 and A.2.
 */
import type { VideoConfig } from '../frame.ts';
import { h264SpsOf } from '../sps.ts';

const CHROMA: readonly string[] = ['4:0:0', '4:2:0', '4:2:2', '4:4:4'];

/**
 * E.g. `with 10 bits in 4:2:2`; undefined of 8 bits in 4:2:0, of other codecs, and where it cannot be read.
 */
export function deepFormatOf(config: Pick<VideoConfig, 'codec' | 'record'>): string | undefined {
  const sps = h264SpsOf(config);
  if (!sps) return undefined;
  const { chromaFormat, bitDepthLuma, bitDepthChroma } = sps;
  const bits = Math.max(bitDepthLuma, bitDepthChroma);
  // A picture without colours is in High profile, which hardware decodes.
  return bits === 8 && chromaFormat <= 1 ? undefined : `with ${bits} bits in ${CHROMA[chromaFormat]}`;
}
