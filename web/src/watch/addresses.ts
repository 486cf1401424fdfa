/**
 * Links to a stream: to share a moment, and to open it in other players.
 * In: a stream's name, moments, the origin of the page, a right to watch. Out: addresses in full. Pure.
 */
import type { StreamView } from '../../../src/api/shapes.ts';
import { windowOf, windowUrl } from '../player/source/window.ts';
import { type RouteSpan, watchPath } from '../routes.ts';

/** A moment in an address: unix seconds, or 13 digits of milliseconds where it is not on a second. */
export function timeText(atMs: number): string {
  const ms = Math.round(atMs);
  return ms % 1000 === 0 ? String(ms / 1000) : String(ms);
}

/** The page at now. */
export function liveLink(origin: string, stream: string): string {
  return origin + watchPath(stream);
}

/**
 * The page at a moment.
 *
 * @param atMs unix milliseconds
 * @param exact to the frame, for a picture that stands still; else the second it lies in
 */
export function momentLink(origin: string, stream: string, atMs: number, exact: boolean): string {
  if (!exact) return origin + watchPath(stream, atMs);
  return `${origin}${watchPath(stream)}?t=${timeText(atMs)}`;
}

/** The page at the start of a span, which plays over and over. */
export function spanLink(origin: string, stream: string, { fromMs, toMs }: RouteSpan): string {
  return `${origin}${watchPath(stream)}?from=${timeText(fromMs)}&to=${timeText(toMs)}`;
}

/**
 * The Media Playlist of the ten minutes that hold a moment, for other players.
 *
 * @param atMs unix milliseconds
 */
export function windowLink(origin: string, stream: string, atMs: number): string {
  return origin + windowUrl(stream, windowOf(atMs));
}

/** How long a link may give the right to watch, as the API takes it. */
export type TokenLifetime = '1h' | '24h' | '7d';

/** Lives that the server grants: of a private stream a day at most; none where no link needs a right. */
export function lifetimesFor(visibility: StreamView['visibility'] | undefined): readonly TokenLifetime[] {
  if (visibility === 'private') return ['1h', '24h'];
  return visibility === 'signed' ? ['1h', '24h', '7d'] : [];
}

/**
 * A link with the right to watch in its query, where the page takes it.
 *
 * @param token null or undefined: the link as it is
 */
export function withWatchToken(link: string, token: string | null | undefined): string {
  return token ? `${link}${link.includes('?') ? '&' : '?'}token=${token}` : link;
}

/**
 * The player alone as a frame for other people's pages, to be put into their HTML.
 *
 * @param link of the watch page, with its moment and its right
 */
export function embedCode(link: string): string {
  const src = link.replace('/watch/', '/embed/').replaceAll('&', '&amp;');
  return `<iframe src="${src}" width="640" height="360" allow="autoplay; fullscreen; picture-in-picture" style="border:0"></iframe>`;
}
