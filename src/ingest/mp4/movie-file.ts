/**
 * Reads the moov of an MP4 file that a stream plays.
 * In: the bytes of the file. Out: its tracks and sample tables, with at least one of video or audio.
 */

import { readMovie } from '@oxbow/media/isobmff/movie/movie-file';
import type { FileMovie } from '@oxbow/media/isobmff/movie/progressive';
import { namesOf } from '@oxbow/media/left-out';
import { OxbowError, sentenceOf } from '../../lib/errors.ts';
import type { FileBytes } from './file-bytes.ts';

/**
 * Reads a file up to its moov.
 *
 * @throws as readMovie; OxbowError `unsupported-media` if it has no supported track
 */
export async function openMovie(file: FileBytes, { signal }: { signal: AbortSignal }): Promise<FileMovie> {
  const movie = await readMovie(file, { signal });
  const { tracks, leftOut } = movie;
  if (tracks.some(({ track }) => track.kind === 'video' || track.kind === 'audio')) return movie;
  const detail = leftOut.length > 0 ? `oxbow cannot take ${namesOf(leftOut)}` : 'the file has no video and no audio';
  throw new OxbowError('unsupported-media', sentenceOf(detail.slice(0, 200)));
}
