/**
 * The windows of the past: ten minutes each, at the same unix seconds for all viewers, so that all request
 * the same addresses.
 * In: a time. Out: addresses of playlists and clips. Pure.
 */
import { onServer } from '../../api/server.ts';

/** A window [fromSeconds, toSeconds), unix seconds, multiples of 600. */
interface Window {
  readonly fromSeconds: number;
  readonly toSeconds: number;
}

/** Length of a window, seconds. */
export const WINDOW_SECONDS = 600;

/**
 * The window that contains a time.
 *
 * @param atMs unix milliseconds
 */
export function windowOf(atMs: number): Window {
  const fromSeconds = Math.floor(atMs / 1000 / WINDOW_SECONDS) * WINDOW_SECONDS;
  return { fromSeconds, toSeconds: fromSeconds + WINDOW_SECONDS };
}

/** The address of a window's playlist. */
export function windowUrl(stream: string, window: Window): string {
  return onServer(`/vod/${stream}/${window.fromSeconds}/${window.toSeconds}/index.m3u8`);
}

/** The address of the live playlist. */
export function liveUrl(stream: string): string {
  return onServer(`/live/${stream}/index.m3u8`);
}

/**
 * The address of a clip as a file.
 *
 * @param fromMs unix milliseconds, rounded down to the second
 * @param toMs unix milliseconds, rounded up to the second
 * @param format `mkv` and `ts` are for clips of at most two hours
 */
export function clipUrl(stream: string, fromMs: number, toMs: number, format: 'mp4' | 'mkv' | 'ts' = 'mp4'): string {
  return onServer(`/clip/${stream}/${Math.floor(fromMs / 1000)}/${Math.ceil(toMs / 1000)}.${format}`);
}

/** The address of a clip that is shown and not kept: without its evidence. */
export function previewUrl(stream: string, span: { readonly fromMs: number; readonly toMs: number }): string {
  return `${clipUrl(stream, span.fromMs, span.toMs)}?evidence=no`;
}

/**
 * The address of a still. Times are rounded down to five seconds, so that all viewers share one picture.
 *
 * @param atMs unix milliseconds
 */
export function stillUrl(stream: string, atMs: number): string {
  return onServer(`/thumb/${stream}/${Math.floor(atMs / 5000) * 5}.jpg`);
}
