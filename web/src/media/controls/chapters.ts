/**
 * Chapters of a video.
 * In: chapters of an asset, in order. Out: the one at a position. Pure.
 */
import type { AssetView } from '../../api/assets.ts';

/** A chapter; `at` is seconds from the start. */
export type Chapter = AssetView['chapters'][number];

/** The chapter at a position, counted from 0; -1 before the first. */
export function chapterAt(chapters: readonly Chapter[], atS: number): number {
  return chapters.findLastIndex(({ at }) => at <= atS + 0.001);
}
