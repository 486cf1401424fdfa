/**
 * Sentences about the tracks of a source that oxbow does not support.
 * In: the tracks that a demuxer or a pull left out. Out: text for logs, pages and the command line. Pure.
 */
import { type LeftOutTrack, namesOf } from '@oxbow/media/left-out';

/**
 * `Left out: MPEG-2 video, DTS audio. oxbow cannot take these tracks.`, then how another program is selected;
 * an empty text where nothing is left out.
 */
export function leftOutSentence(tracks: readonly LeftOutTrack[]): string {
  const programs = tracks.filter(({ kind }) => kind === 'program');
  const refused = tracks.filter(({ kind }) => kind !== 'program');
  const sentences: string[] = [];
  if (refused.length > 0) {
    const these = refused.length === 1 ? 'this track' : 'these tracks';
    sentences.push(`Left out: ${namesOf(refused)}. oxbow cannot take ${these}.`);
  }
  if (programs.length > 0) {
    const number = programs[0]!.name.replace(/^program /, '');
    sentences.push(`Not selected: ${namesOf(programs)}. program=${number} in the address of the source selects it.`);
  }
  return sentences.join(' ');
}

/**
 * The same as values of a list: `DTS audio (not supported by oxbow); program 2 (…)`; undefined where nothing
 * is left out.
 */
export function leftOutText(tracks: readonly LeftOutTrack[]): string | undefined {
  const refused = tracks.filter(({ kind }) => kind !== 'program');
  const programs = tracks.filter(({ kind }) => kind === 'program');
  const parts = [
    ...(refused.length > 0 ? [`${namesOf(refused)} (not supported by oxbow)`] : []),
    ...(programs.length > 0 ? [`${namesOf(programs)} (program=NUMBER in the address selects one)`] : []),
  ];
  return parts.join('; ') || undefined;
}
