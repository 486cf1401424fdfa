/**
 * The kinds of media servers. A new one is a file with its name, and a line here.
 * In: a kind. Out: its provider.
 */
import type { MediaServerKind } from '../../../api/room/media-server-shapes.ts';
import { alist } from './alist.ts';
import { bilibili } from './bilibili.ts';
import { jellyfin } from './jellyfin.ts';
import type { Provider } from './provider.ts';
import { webdav } from './webdav.ts';

/** By kind. Emby and Jellyfin have one interface. */
export const providers: Readonly<Record<MediaServerKind, Provider>> = {
  alist,
  bilibili,
  emby: jellyfin,
  jellyfin,
  webdav,
};
