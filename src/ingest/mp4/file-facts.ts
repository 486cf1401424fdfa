/**
 * The facts of an MP4 file.
 * In: its tables and its length. Out: facts for probe, API and record page. Pure.
 */

import type { FileMovie, FileTrack } from '@oxbow/media/isobmff/movie/progressive';
import type { SourceFacts, SourceQuality } from '../../api/source-facts.ts';
import { qualityName } from '../../lib/quality.ts';

/**
 * The facts of a file; the duration of a fragmented one is unknown.
 *
 * @param length size, bytes; undefined if the server does not report it
 */
export function factsOf({ tracks, leftOut }: FileMovie, length: number | undefined): SourceFacts {
  const durationS = Math.max(0, ...tracks.map((track) => track.durationS));
  const hasTables = tracks.some(({ count }) => count > 0);
  const video = tracks.find(({ track }) => track.kind === 'video');
  const codecs = [...new Set(tracks.map(({ track }) => track.config.codecs))].filter((text) => text !== '').join(',');
  const bandwidth = length !== undefined && durationS > 0 ? Math.ceil((length * 8) / durationS) : undefined;
  const frameRate =
    video && video.durationS > 0 ? Math.round((video.count * 1000) / video.durationS) / 1000 : undefined;
  const size =
    video?.track.kind === 'video' ? { width: video.track.config.width, height: video.track.config.height } : {};
  const quality: SourceQuality = {
    name: qualityName({ ...size, frameRate, bandwidth }),
    ...size,
    ...(frameRate !== undefined && { frameRate }),
    ...(bandwidth !== undefined && { bandwidth }),
    ...(codecs !== '' && { codecs }),
  };
  const warnings = editWarnings(tracks);
  return {
    protocol: 'mp4',
    container: hasTables ? 'mp4' : 'fmp4',
    title: '',
    live: false,
    ...(durationS > 0 && { durationS }),
    qualities: quality.name === '' ? [] : [quality],
    ...(quality.name !== '' && { chosen: quality.name }),
    ...(leftOut.length > 0 && { leftOut: [...leftOut] }),
    ...(warnings.length > 0 && { warnings }),
  };
}

/** What the edit lists of a file hide, and is shown all the same (ISO/IEC 14496-12, 8.6.6). */
function editWarnings(tracks: readonly FileTrack[]): string[] {
  const hiddenS = Math.max(0, ...tracks.map((track) => track.hiddenS));
  const hasMany = tracks.some(({ source }) => source.manyEdits);
  return [
    ...(hiddenS > 0 ? [`${hiddenS.toFixed(1)} s that the edit list of the file hides are shown.`] : []),
    ...(hasMany ? ['The file joins several stretches (edit list): only the first is placed as it says.'] : []),
  ];
}
