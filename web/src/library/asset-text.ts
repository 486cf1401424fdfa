/**
 * How assets are shown in words: progress, names of qualities; tags as a text and back.
 * In: assets of the API. Out: texts. Pure.
 */
import type { AssetView } from '../api/assets.ts';

/** Mean progress of the renditions, 0 to 1; undefined while nothing is known. */
export function processingShare({ renditions }: Pick<AssetView, 'renditions'>): number | undefined {
  if (renditions.length === 0) return undefined;
  const sum = renditions.reduce((total, each) => total + (each.state === 'done' ? 1 : each.progress), 0);
  return sum / renditions.length;
}

/** Something of it is still being made. */
export function isProcessing({ state, renditions }: Pick<AssetView, 'state' | 'renditions'>): boolean {
  return state === 'processing' || renditions.some((each) => each.state === 'queued' || each.state === 'running');
}

/**
 * `1080p` for a rendition that is named by its height, `1080p (2)` for the second one of a height; `original`
 * for the tracks of the original; otherwise the id.
 *
 * @param sound names a rendition of an audio track by its number, from 1
 */
export function renditionName(id: string, original: string, sound: (track: number) => string): string {
  if (id === 'source') return original;
  const audio = /^a(\d{1,2})(?:-|$)/.exec(id)?.[1];
  if (audio !== undefined) return sound(Number(audio) + 1);
  const [, height, place] = /(?:^|-)(\d{2,4})(?:-full)?(?:-(\d))?$/.exec(id) ?? [];
  if (height === undefined) return id;
  return place === undefined ? `${height}p` : `${height}p (${place})`;
}

/** Tags from a text in which commas separate them, each once. */
export function readTags(text: string): string[] {
  const tags = text
    .split(/[,，、]/)
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '');
  return [...new Set(tags)];
}
