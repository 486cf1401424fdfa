/**
 * Tracks of a source that oxbow does not support.
 * In: demuxers and pulls. Out: values for the API (their schema is in source-facts.ts), sentences for logs and the command line. Pure.
 */

/** A track that is not recorded and not served. */
export interface LeftOutTrack {
  readonly kind: 'video' | 'audio' | 'text' | 'unknown';
  /** In words, e.g. `MPEG-2 video` or `DTS audio`; at most 120 characters. */
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

/** `Left out: MPEG-2 video, DTS audio. oxbow cannot take these tracks.`, or an empty text where nothing is left out. */
export function leftOutSentence(tracks: readonly LeftOutTrack[]): string {
  if (tracks.length === 0) return '';
  return `Left out: ${namesOf(tracks)}. oxbow cannot take ${tracks.length === 1 ? 'this track' : 'these tracks'}.`;
}
