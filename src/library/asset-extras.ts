/**
 * What players show in addition to the media: chapters, and the shape of the picture.
 * In: the facts that an import found, of any version. Out: values that can be used. Pure.
 */
import type { AssetChapter, AssetTrackFacts } from '../api/library/asset-facts.ts';
import type { AssetRecord } from './asset-record.ts';

/** The facts of an asset for players. */
export interface AssetExtras {
  readonly chapters: readonly AssetChapter[];
  /** Width of the picture divided by its height; undefined when unknown. */
  readonly displayAspect: number | undefined;
}

/** Reads the facts of an asset. */
export function extrasOf({ facts }: Pick<AssetRecord, 'facts'>): AssetExtras {
  const { chapters, tracks } = (facts ?? {}) as { readonly chapters?: unknown; readonly tracks?: unknown };
  const isChapter = (chapter: Partial<AssetChapter> | null) =>
    Number.isFinite(chapter?.startUs) && typeof chapter?.title === 'string';
  const trackFacts = Array.isArray(tracks) ? (tracks as readonly Partial<AssetTrackFacts>[]) : [];
  const aspect = trackFacts.find((track) => track?.kind === 'video')?.displayAspect;
  return {
    chapters: Array.isArray(chapters) ? (chapters.filter(isChapter) as AssetChapter[]) : [],
    displayAspect: aspect !== undefined && aspect > 0 ? aspect : undefined,
  };
}
