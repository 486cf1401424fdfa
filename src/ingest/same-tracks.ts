/**
 * Whether tracks can be in one run.
 * In: two sets of tracks, or two tracks. Out: whether a run of the ones can continue with the others. Pure.
 */
import { sameBytes } from '@oxbow/media/bytes';
import { sameColourInfo } from '@oxbow/media/colour/colour-info';
import type { Track } from '@oxbow/media/frame';

/** Whether two sets of tracks can be in one run: labels may differ. */
export function sameTracks(a: readonly Track[], b: readonly Track[]): boolean {
  return a === b || (a.length === b.length && a.every((track, i) => sameTrack(track, b[i]!)));
}

/** Whether a track can continue as another one in one run: labels may differ. */
export function sameTrack(a: Track, b: Track): boolean {
  const sameFields = (['id', 'kind', 'timescale', 'language'] as const).every((field) => a[field] === b[field]);
  if (!sameFields || a.config.codecs !== b.config.codecs || !sameBytes(a.config.record, b.config.record)) return false;
  return a.kind !== 'video' || b.kind !== 'video' || sameColourInfo(a.config.colourInfo, b.config.colourInfo);
}
