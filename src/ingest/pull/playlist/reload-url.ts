/**
 * When and by which URL a list is reloaded.
 * In: its URL, the list before. Out: a pause; a URL with Delivery Directives. Pure. RFC 8216bis 6.2.5 and 6.3.4.
 */
import type { MediaPlaylist } from '../../../media/m3u8/playlist.ts';
import { listedS } from './list-segments.ts';

/** What a reload may ask for. */
export interface ReloadDirectives {
  /** Wait for the next part, not only for the next segment. */
  readonly parts: boolean;
  /** Leave out what is known. */
  readonly skip: boolean;
}

/** The next segment that is not whole, and the next part of it. */
export function nextOf(list: MediaPlaylist): { readonly msn: number; readonly part: number } {
  const whole = list.segments.filter(({ uri }) => uri !== '').length;
  const open = list.segments.find(({ uri }) => uri === '');
  return { msn: list.mediaSequence + (list.skippedSegments ?? 0) + whole, part: open?.parts.length ?? 0 };
}

/** Whether `list` has media that `before` had not. */
export function isBeyond(list: MediaPlaylist, before: MediaPlaylist): boolean {
  const [now, then] = [nextOf(list), nextOf(before)];
  return now.msn > then.msn || (now.msn === then.msn && now.part > then.part);
}

/** Says of two lists, by their newest media, whether anything came or went; dates and tokens do not count. */
export function edgeOf(list: MediaPlaylist): string {
  const { msn, part } = nextOf(list);
  const last = list.segments.at(-1);
  return [msn, part, list.mediaSequence, list.endList, last?.uri, last?.parts.at(-1)?.uri].join(' ');
}

/** Reloads are at least this far apart, ms. */
const LEAST_RELOAD_MS = 500;

/**
 * The longest pause between two reloads of a list: half of the media in it, whatever EXT-X-TARGETDURATION says, so that no segment can enter
 * and leave it unseen. At least 0.5 s (docs/media.md 23b).
 *
 * @param wantedMs what the standard recommends (6.3.4), ms
 */
export function reloadPauseMs(list: MediaPlaylist, wantedMs: number): number {
  const windowMs = 1000 * listedS(list);
  return windowMs === 0 ? wantedMs : Math.max(LEAST_RELOAD_MS, Math.min(wantedMs, windowMs / 2));
}

/** Asks the server to hold the reply until there is more than in `list` (6.2.5.2). */
export function reloadUrl(url: URL, list: MediaPlaylist, { parts, skip }: ReloadDirectives): URL {
  const { msn, part } = nextOf(list);
  const directives = [`_HLS_msn=${msn}`, ...(parts ? [`_HLS_part=${part}`] : []), ...(skip ? ['_HLS_skip=YES'] : [])];
  const asked = new URL(url);
  // As text: a query that is taken apart is written anew, and signatures over it would not hold.
  asked.search = `${asked.search}${asked.search === '' ? '?' : '&'}${directives.join('&')}`;
  return asked;
}
