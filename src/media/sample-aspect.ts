/**
 * The shape of the samples of a picture: television has pictures of 720 by 576 that are shown as 1024 by 576.
 * In: a configuration. Out: width divided by height. Pure. ITU-T H.264 and H.265, E.2.1 (sample_aspect_ratio).
 */
import { FormatError } from '../lib/errors.ts';
import type { VideoConfig } from './frame.ts';
import { parseAvcC } from './h264/avcc.ts';
import { parseH264Sps } from './h264/sps.ts';
import { parseHvcC } from './hevc/hvcc.ts';
import { parseHevcSps } from './hevc/sps.ts';

/** Width of a sample divided by its height; 1 where the parameter sets do not say it. */
export function sampleAspectOf({ codec, record }: Pick<VideoConfig, 'codec' | 'record'>): number {
  try {
    if (codec === 'h264') return parseH264Sps(parseAvcC(record).sps[0]!).sampleAspect ?? 1;
    if (codec === 'hevc') return parseHevcSps(parseHvcC(record).sps[0]!).sampleAspect ?? 1;
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
  }
  return 1;
}
