/**
 * A printed Media Playlist as text, to be compared and parsed. Used by tests only. Pure.
 */
import { type PrintedPlaylist, printMediaPlaylist } from './print.ts';

/** What `printMediaPlaylist` writes, decoded. */
export function mediaPlaylistText(list: PrintedPlaylist): string {
  return new TextDecoder().decode(printMediaPlaylist(list));
}
