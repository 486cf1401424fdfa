/**
 * Prints a window of the past as one MPEG-TS playlist that begins at an exact time: catch-up, and the windows
 * of video-stream-recorder.
 * In: an opened window. Out: Reply. RFC 8216bis 4.4.2.2.
 */
import { printMediaPlaylist } from '@oxbow/media/m3u8/print';
import { assertTsCarries } from '@oxbow/media/mpegts/muxer/muxer-tables';
import { TS, tsRenditionOf } from '@oxbow/media/rendition-set';
import type { ContentKeys } from '../encryption/content-keys.ts';
import { hlsMediaPlaylist } from '../format/hls-media.ts';
import { cachingOf, type Range } from '../past/past.ts';
import { firstOf, type PastWindow } from '../past/past-presentation.ts';
import type { Reply } from '../reply.ts';
import { playlistReply } from '../text-reply.ts';

/**
 * Prints the playlist. It begins with the segment that contains the start of the range; EXT-X-START is the
 * start itself.
 *
 * @param folder of the segments, relative to the playlist; '' or ending with a slash
 * @param keys of the stream; undefined: segments are clear
 * @throws OxbowError `unsupported-media` for codecs that MPEG-TS cannot carry
 */
export function tsWindowReply(
  window: PastWindow,
  { fromUs }: Pick<Range, 'fromUs'>,
  folder: string,
  keys: ContentKeys | undefined,
): Reply {
  const first = firstOf(window.segments)!;
  if (first.init) assertTsCarries(tsRenditionOf(first.init.tracks).tracks);
  const list = hlsMediaPlaylist(window, TS, {
    folderOf: () => folder,
    protectionOf: keys?.protectionIn(`${folder}../`),
  });
  // Without it players begin at the end of a growing playlist; and the first segment may begin before the
  // requested time.
  const timeOffsetS = Math.max(0, fromUs - first.startUs) / 1e6;
  const text = printMediaPlaylist({ ...list, start: { timeOffsetS, precise: true } });
  return playlistReply(text, cachingOf(window, keys));
}
