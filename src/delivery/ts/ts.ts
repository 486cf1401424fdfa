/**
 * Answers the live playlists of the muxed MPEG-TS rendition, /live/{stream}/ts/, for players without
 * fragmented MP4.
 * In: a parsed address. Out: Reply. docs/media.md 34.
 */
import { printMediaPlaylist, printMultivariantPlaylist } from '@oxbow/media/m3u8/print';
import { assertTsCarries } from '@oxbow/media/mpegts/muxer/muxer-tables';
import { TS, tsRenditionOf } from '@oxbow/media/rendition-set';
import type { LiveWindowView } from '../../packager/live-segment.ts';
import { hlsMediaPlaylist } from '../format/hls-media.ts';
import { tsMultivariant } from '../format/hls-multivariant.ts';
import { listedView, offline, readyView } from '../live/live.ts';
import { livePresentation } from '../live/live-presentation.ts';
import type { Reply } from '../reply.ts';
import type { ServedStream } from '../served-stream.ts';
import { caching, playlistReply } from '../text-reply.ts';

/** Rendered playlists by live window and name, each with the segments that it lists. */
const rendered = new WeakMap<object, Map<string, { readonly shown: string; readonly reply: Reply }>>();

/**
 * The Multivariant Playlist; a first request waits for a stream that is starting.
 *
 * @throws OxbowError `stream-offline`; `unsupported-media` for codecs that MPEG-TS cannot carry
 */
export async function answerTsIndex(stream: ServedStream, options: { signal: AbortSignal }): Promise<Reply> {
  const view = await readyView(stream, options);
  if (view.ended) throw offline(stream);
  assertTsCarries(tsRenditionOf(view.tracks).tracks);
  const list = tsMultivariant(livePresentation(view), `g${view.generation.number}.m3u8`);
  return playlistReply(printMultivariantPlaylist(list), caching.live);
}

/** The Media Playlist of a generation. */
export function answerTsPlaylist(stream: ServedStream, generationNumber: number): Reply {
  const view = listedView(stream, generationNumber);
  assertTsCarries(tsRenditionOf(view.tracks).tracks);
  const protectionOf = stream.contentKeys?.protectionIn('../');
  return renderedOnce(stream, `g${generationNumber}`, view, () => {
    return printMediaPlaylist(hlsMediaPlaylist(livePresentation(view), TS, { folderOf: () => '', protectionOf }));
  });
}

/**
 * Renders a playlist of complete live segments once, until its segments change: new parts do not change it.
 *
 * @param name of the playlist within the stream; there are few
 * @param print prints the text
 */
export function renderedOnce(stream: ServedStream, name: string, view: LiveWindowView, print: () => Uint8Array): Reply {
  const lists = rendered.get(stream.list) ?? new Map<string, { shown: string; reply: Reply }>();
  rendered.set(stream.list, lists);
  const last = view.segments.findLast((segment) => segment.sealed);
  const shown = [
    view.generation.number,
    view.segments[0]?.msn,
    last?.msn,
    view.ended,
    stream.contentKeys?.series,
  ].join();
  const cached = lists.get(name);
  if (cached?.shown === shown) return cached.reply;
  for (const key of lists.keys()) if (/^g\d+$/.test(key) && !stream.list.view(Number(key.slice(1)))) lists.delete(key);
  const reply = playlistReply(print(), view.ended ? caching.past : caching.live);
  lists.set(name, { shown, reply });
  return reply;
}
