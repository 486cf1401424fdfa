/**
 * Where the media of a playlist entry is that is not of this server: links, and entries of media servers.
 * In: targets of entries. Out: media for the proxy, addresses for players.
 */
import type { ItemTarget } from '../../../api/room/item-shapes.ts';
import type { ItemSource } from '../../../api/room/media-server-shapes.ts';
import type { ElsewhereMedia, MediaProxy } from '../proxy/media-proxy.ts';
import type { MediaServers } from './media-servers.ts';

/** Media elsewhere, with its subtitles. */
interface OpenedItem extends ElsewhereMedia {
  readonly type: ItemSource['type'];
  readonly live: boolean;
  /** Whether players request it through this server. */
  readonly isProxied: boolean;
  readonly subtitles: readonly { readonly name: string; readonly url: string }[];
}

/** The media of a target; undefined if it is media of this server. Throws as media servers. */
export async function openTarget(
  target: ItemTarget,
  servers: Pick<MediaServers, 'open'>,
): Promise<OpenedItem | undefined> {
  if (target.kind === 'link') {
    const { url, type = typeOf(url), live = false, proxy = false, headers = {}, subtitles = [] } = target;
    // The policy of our pages lets them load files over https from elsewhere, and nothing else.
    const isDirect = !proxy && type === 'file' && url.startsWith('https:') && Object.keys(headers).length === 0;
    return { url, type, live, headers, subtitles, isProxied: !isDirect };
  }
  if (target.kind !== 'provider') return undefined;
  const { live = false, ...media } = await servers.open(target.provider, target.entry);
  return { ...media, live, isProxied: true };
}

/** The source for a player. Subtitles always go through this server, which converts them. */
export function sourceOf(opened: OpenedItem, room: string, item: string, proxy: MediaProxy): ItemSource {
  const pathOf = (address: string) => `/api/v1/rooms/${room}/media/${address}`;
  const { url, live, isProxied, subtitles } = opened;
  return {
    url: isProxied ? pathOf(proxy.mediaAddress(room, item, opened)) : url,
    type: opened.type,
    live,
    subtitles: subtitles.map(({ name, url: address }) => ({
      name,
      url: pathOf(proxy.subtitleAddress(room, item, address)),
    })),
  };
}

function typeOf(url: string): ItemSource['type'] {
  const { pathname } = new URL(url);
  return /\.m3u8?$/i.test(pathname) ? 'hls' : /\.mpd$/i.test(pathname) ? 'dash' : 'file';
}
