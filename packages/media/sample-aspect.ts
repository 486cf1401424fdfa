/**
 * The shape of the samples of a picture: television has pictures of 720 by 576 that are shown as 1024 by 576.
 * In: a configuration. Out: width divided by height. Pure. ITU-T H.264 and H.265, E.2.1
 * (sample_aspect_ratio).
 */
import type { VideoConfig } from './frame.ts';
import { spsOf } from './sps.ts';

/** Width of a sample divided by its height; 1 where the parameter sets do not say it. */
export function sampleAspectOf(config: Pick<VideoConfig, 'codec' | 'record'>): number {
  return spsOf(config)?.sampleAspect ?? 1;
}
