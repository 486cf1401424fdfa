/**
 * Tracks of a source that oxbow does not support.
 * In: demuxers and pulls. Out: values for the API (their schema is in source-facts.ts), sentences for logs
 * and the command line. Pure.
 */

/** A track that is not recorded and not served. */
export interface LeftOutTrack {
  /**
   * `program`: another program of a transport stream, which a setting selects. The others cannot be taken.
   */
  readonly kind: 'video' | 'audio' | 'text' | 'program' | 'unknown';
  /** In words, e.g. `MPEG-2 video`, `DTS audio` or `program 2`; at most 120 characters. */
  readonly name: string;
}

/** Most tracks that are named; a source may list any number. */
const MAX_NAMED = 32;
const MAX_NAME = 120;

/** Each track once, names cut to 120 characters, at most 32 of them. */
export function distinctLeftOut(tracks: readonly LeftOutTrack[]): LeftOutTrack[] {
  const byName = new Map<string, LeftOutTrack>();
  for (const { kind, name } of tracks) {
    const short = name.slice(0, MAX_NAME);
    if (byName.size < MAX_NAMED && !byName.has(short)) byName.set(short, { kind, name: short });
  }
  return [...byName.values()];
}

/** The names, separated by commas. */
export function namesOf(tracks: readonly LeftOutTrack[]): string {
  return tracks.map(({ name }) => name).join(', ');
}

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
