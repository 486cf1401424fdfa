/**
 * Tracks of a source that oxbow does not support.
 * In: what demuxers find. Out: each track once, within bounds. Pure.
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
