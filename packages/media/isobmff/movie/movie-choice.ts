/**
 * Which tracks of a moov are taken, and under which ids.
 * In: the tracks of a moov. Out: those that become tracks of the stream, and the names of those that cannot.
 * Pure.
 */

import { OxbowError } from '../../errors.ts';
import type { Track } from '../../frame.ts';
import { distinctLeftOut, type LeftOutTrack } from '../../left-out.ts';
import type { MovieTrack } from '../init.ts';

/** A track that is taken. */
interface ChosenTrack {
  readonly source: MovieTrack;
  /** Under the id it has in frames: video 1, others from 2 on. */
  readonly track: Track;
}

/**
 * Takes the first video track and every other track of a known codec.
 *
 * @throws OxbowError `unsupported-media` if a track is encrypted
 */
export function chooseTracks(movie: readonly MovieTrack[]): { chosen: ChosenTrack[]; leftOut: LeftOutTrack[] } {
  const scheme = movie.find((source) => source.scheme)?.scheme;
  if (scheme) throw new OxbowError('unsupported-media', `The media is encrypted (${scheme}).`);
  const chosen: ChosenTrack[] = [];
  const leftOut: LeftOutTrack[] = [];
  let nextId = 2;
  for (const source of movie) {
    const { track } = source;
    if (!track) {
      if (source.leftOut) leftOut.push(source.leftOut);
    } else if (track.kind === 'video' && chosen.some((choice) => choice.track.kind === 'video')) {
      leftOut.push({ kind: 'video', name: 'a second video track' });
    } else {
      chosen.push({ source, track: { ...track, id: track.kind === 'video' ? 1 : nextId++ } });
    }
  }
  return { chosen, leftOut: distinctLeftOut(leftOut) };
}
