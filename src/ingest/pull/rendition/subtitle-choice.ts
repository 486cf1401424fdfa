/**
 * Chooses the subtitles to pull with a Variant Stream.
 * In: the Multivariant Playlist and the variant. Out: the Renditions of its group. RFC 8216bis 4.4.6.1 and 4.4.6.2.
 */
import type { MultivariantPlaylist, Rendition, Variant } from '../../../media/m3u8/playlist.ts';

/** Subtitle Renditions that are pulled of one group. */
export const MAX_SUBTITLES = 12;

/** The Renditions of the variant's SUBTITLES group that have a `uri`, the default one first; at most 12. */
export function subtitlesOf(list: MultivariantPlaylist, variant: Variant): Rendition[] {
  const group = list.renditions.filter(({ type, groupId }) => type === 'SUBTITLES' && groupId === variant.subtitles);
  const uris = new Set<string>();
  return [...group]
    .sort((a, b) => Number(b.default) - Number(a.default))
    .filter(({ uri }) => {
      if (uri === undefined || uris.has(uri)) return false;
      uris.add(uri);
      return true;
    })
    .slice(0, MAX_SUBTITLES);
}
