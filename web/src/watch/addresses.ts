/**
 * Links to a stream: to share a moment, and to open it in other players.
 * In: a stream's name, moments, the origin of the page. Out: addresses in full. Pure.
 */
import { windowOf, windowUrl } from '../player/window.ts';
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
