/**
 * Which of several pictures of a publisher is that of its stream, and which others are qualities.
 * In: `source.quality` and `source.qualities` of a push stream. Out: an order of pictures; a choice. Pure.
 */
import { parseQuality, parseQualitySet } from '../lib/quality.ts';
import type { StreamSettings } from './publish-access.ts';

/** Size of a picture, pixels. */
interface Size {
  readonly width: number;
  readonly height: number;
}

/** The choice of one stream. */
export interface LayerChoice {
  /** The picture with the highest number is that of the stream. */
  readonly rank: (size: Size) => number;
  /** Whether another picture of this height is a quality. */
  readonly takes: (height: number) => boolean;
  /** The settings name a quality. */
  readonly isNamed: boolean;
}

/** The choice by the settings, which are checked; by default the largest one and all others. */
export function layerChoiceOf({ quality = '', qualities = 'all' }: StreamSettings): LayerChoice {
  const wanted = parseQuality(quality);
  const set = parseQualitySet(qualities);
  return {
    isNamed: quality !== '',
    rank({ width, height }) {
      const pixels = width * height;
      // Of pictures above a height the next one.
      if (wanted.kind === 'height') return height <= wanted.height ? pixels : -pixels;
      return wanted.kind === 'worst' ? -pixels : pixels;
    },
    takes: (height) => set === 'all' || (set !== 'best' && set.includes(height)),
  };
}
