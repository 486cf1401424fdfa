/**
 * Selects the track whose key frames decide where a stream is cut.
 * In: the tracks of a run. Out: one of them. Pure.
 */
import assert from 'node:assert/strict';
import type { Track } from '@oxbow/media/frame';
import { isDerived } from '@oxbow/media/rendition-set';

/**
 * The track whose key frames are the places to cut: the first video track of the source, otherwise the first
 * audio track.
 */
export function referenceOf(tracks: readonly Track[]): Track {
  const of = (kind: Track['kind']) => tracks.find((track) => track.kind === kind);
  const reference = tracks.find((track) => track.kind === 'video' && !isDerived(track)) ?? of('video') ?? of('audio');
  assert(reference, 'a run has a track of video or audio');
  return reference;
}
