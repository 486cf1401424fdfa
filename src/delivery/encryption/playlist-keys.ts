/**
 * What playlists and manifests of a stream need of its content keys.
 * In: a served stream. Out: protection of segments, EXT-X-SESSION-KEY tags.
 */
import type { KeyTag } from '@oxbow/media/m3u8/playlist';
import type { ProtectionOf } from '../format/protection.ts';
import type { ServedLiveStream } from '../served-stream.ts';
import { contentKeysOf, refuseClear } from './access-by-key.ts';

/**
 * The protection of segments in a manifest.
 *
 * @param folder of the stream relative to the manifest
 * @throws OxbowError `media-encrypted` where segments are encrypted as a whole, which DASH does not have
 */
export function manifestProtection(stream: ServedLiveStream, folder: string): ProtectionOf | undefined {
  const keys = contentKeysOf(stream);
  if (!keys?.isCommon) {
    refuseClear(keys);
    return undefined;
  }
  return keys.protectionIn(folder, `/live/${(stream.source ?? stream).name}/`);
}

/**
 * The EXT-X-SESSION-KEY tags of a Multivariant Playlist: those of the newest segment, or of that with an MSN.
 *
 * @param folder of the stream relative to the playlist
 */
export function sessionKeysOf(stream: ServedLiveStream, folder: string, msn = newestOf(stream)): readonly KeyTag[] {
  return contentKeysOf(stream)?.sessionKeysAt(msn, folder) ?? [];
}

function newestOf({ list }: ServedLiveStream): number {
  return list.segments.at(-1)?.msn ?? 0;
}
