/**
 * Links to a stream: to share a time, and to open it in other players.
 * In: a stream's name, times, the origin of the page, a playback token. Out: absolute addresses. Pure.
 */
import type { StreamView } from '../../src/api/shapes.ts';
import { windowOf, windowUrl } from './player/source/window.ts';
import { watchPath } from './routes.ts';
import type { TimeSpan } from './time/span.ts';

/** A time in an address: unix seconds, or 13 digits of milliseconds if it is not a whole second. */
export function timeText(atMs: number): string {
  const ms = Math.round(atMs);
  return ms % 1000 === 0 ? String(ms / 1000) : String(ms);
}

/** The live page. */
export function liveLink(origin: string, stream: string): string {
  return origin + watchPath(stream);
}

/**
 * The page at a time.
 *
 * @param atMs unix milliseconds
 * @param exact to the frame, for a paused picture; otherwise to the second
 */
export function momentLink(origin: string, stream: string, atMs: number, exact: boolean): string {
  if (!exact) return origin + watchPath(stream, atMs);
  return `${origin}${watchPath(stream)}?t=${timeText(atMs)}`;
}

/** The page at the start of a span, which plays in a loop. */
export function spanLink(origin: string, stream: string, { fromMs, toMs }: TimeSpan): string {
  return `${origin}${watchPath(stream)}?from=${timeText(fromMs)}&to=${timeText(toMs)}`;
}

/**
 * The Media Playlist of the ten minutes that contain a time, for other players.
 *
 * @param atMs unix milliseconds
 */
export function windowLink(origin: string, stream: string, atMs: number): string {
  return origin + windowUrl(stream, windowOf(atMs));
}

/**
 * The channel list for IPTV players, with the public streams and that of a playback token.
 *
 * @param page address of the page
 * @param base origin of the server, if it is another one, and the path of the token; may be empty
 * @param only name of the only stream of the list, for one that is in no list
 */
export function channelListLink(page: string, base = '', only?: string): string {
  return new URL(`${base}/playlist.m3u${only === undefined ? '' : `?stream=${only}`}`, page).href;
}

/** Lifetime of a playback token, as in the API. */
export type TokenLifetime = '1h' | '24h' | '7d';

/** Lifetimes that the server allows: at most a day for a private stream; none if links need no token. */
export function lifetimesFor(visibility: StreamView['visibility'] | undefined): readonly TokenLifetime[] {
  if (visibility === 'private') return ['1h', '24h'];
  return visibility === 'signed' ? ['1h', '24h', '7d'] : [];
}

/**
 * A link with a playback token in its query.
 *
 * @param token null or undefined: the link is unchanged
 */
export function withWatchToken(link: string, token: string | null | undefined): string {
  return token ? `${link}${link.includes('?') ? '&' : '?'}token=${token}` : link;
}

/**
 * The HTML of an embedded player for other sites.
 *
 * @param link of the watch page, with its time and its token
 */
export function embedCode(link: string): string {
  return embedFrame(link.replace('/watch/', '/embed/'));
}

/** The HTML of a frame with a player. @param link of the embedded page */
export function embedFrame(link: string): string {
  const src = link.replaceAll('&', '&amp;');
  return `<iframe src="${src}" width="640" height="360" allow="autoplay; fullscreen; picture-in-picture" style="border:0"></iframe>`;
}
