/**
 * The pause before a reload, and its URL.
 * In: the playlist and its URL. Out: a pause; a URL with Delivery Directives. Pure. RFC 8216bis 6.2.5 and
 * 6.3.4.
 */
import type { MediaPlaylist } from '@oxbow/media/m3u8/playlist';
import { listedS } from './list-segments.ts';

/** The Delivery Directives of a reload. */
interface ReloadDirectives {
  /** _HLS_part: wait for the next part instead of the next segment. */
  readonly parts: boolean;
  /** _HLS_skip: request a Delta Update. */
  readonly skip: boolean;
}

/** Number of the next segment that is incomplete, and index of its next part. */
export function nextOf(list: MediaPlaylist): { readonly msn: number; readonly part: number } {
  const whole = list.segments.filter(({ uri }) => uri !== '').length;
  const open = list.segments.find(({ uri }) => uri === '');
  return { msn: list.mediaSequence + (list.skippedSegments ?? 0) + whole, part: open?.parts.length ?? 0 };
}

/** Whether `list` has media that `before` does not have. */
export function isBeyond(list: MediaPlaylist, before: MediaPlaylist): boolean {
  const [now, then] = [nextOf(list), nextOf(before)];
  return now.msn > then.msn || (now.msn === then.msn && now.part > then.part);
}

/** Identifies the media at the edge of a playlist; independent of dates and tokens. */
export function edgeOf(list: MediaPlaylist): string {
  const { msn, part } = nextOf(list);
  const last = list.segments.at(-1);
  return [msn, part, list.mediaSequence, list.endList, last?.uri, last?.parts.at(-1)?.uri].join(' ');
}

/** Shortest pause between two reloads, ms. */
const MIN_RELOAD_MS = 500;

/**
 * The longest pause between two reloads: half of the media in the playlist, regardless of
 * EXT-X-TARGETDURATION, so that no segment can appear and disappear between them. At least 0.5 s
 * (docs/media.md 23b).
 *
 * @param wantedMs what the standard recommends (6.3.4), ms
 */
export function reloadPauseMs(list: MediaPlaylist, wantedMs: number): number {
  const windowMs = 1000 * listedS(list);
  return windowMs === 0 ? wantedMs : Math.max(MIN_RELOAD_MS, Math.min(wantedMs, windowMs / 2));
}

/** The URL of a blocking reload: the server replies when it has more media than `list` (6.2.5.2). */
export function reloadUrl(url: URL, list: MediaPlaylist, { parts, skip }: ReloadDirectives): URL {
  const { msn, part } = nextOf(list);
  const directives = [`_HLS_msn=${msn}`, ...(parts ? [`_HLS_part=${part}`] : []), ...(skip ? ['_HLS_skip=YES'] : [])];
  const reload = new URL(url);
  // As text: parsing and serializing the query may change it, which invalidates signatures.
  reload.search = `${reload.search}${reload.search === '' ? '?' : '&'}${directives.join('&')}`;
  return reload;
}
