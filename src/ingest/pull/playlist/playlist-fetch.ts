/**
 * Fetches one playlist.
 * In: a URL. Out: the parsed playlist and its arrival time. RFC 8216bis 6.3.2.
 */

import { type ParsedPlaylist, PlaylistReader } from '@oxbow/media/m3u8/parse';
import { OxbowError } from '../../../lib/errors.ts';
import { shownUrl } from '../../../net/net.ts';
import type { PullContext } from '../context.ts';
import { MAX_REQUEST_MS } from '../source-access.ts';
import { statusFailure } from '../status-failure.ts';

const MAX_BYTES = 8 * 1024 * 1024;
const DEADLINE_MS = 10_000;
/** Longest time without bytes, ms, in addition to the time for which the server holds the request. */
export const PLAYLIST_IDLE_MS = 8000;

const utf8 = new TextDecoder();
const noQuery: ReadonlyMap<string, string> = new Map();

export interface LoadedPlaylist {
  readonly parsed: ParsedPlaylist;
  /** As received, to detect changes. */
  readonly text: string;
  /** After redirects; its URIs are relative to it. */
  readonly url: URL;
  /** When its last byte arrived, ms since 1970. */
  readonly arrivedMs: number;
}

/** Whether the server reports that the URL is gone or its token has expired. */
export function isGone(error: unknown): boolean {
  return error instanceof OxbowError && [401, 403, 404, 410].includes(Number(error.extra.sourceStatus));
}

/**
 * @param holdMs how long the server may hold the request (blocking reload), ms
 * @param idleMs longest time without bytes, ms; default 8 s
 * @param fresh on a new connection
 * @param imports variables of the Multivariant Playlist
 * @param reader shared by the reloads of one playlist; absent for a single load
 * @throws OxbowError `source-failed` or `address-refused`; FormatError for a malformed playlist; the signal's
 *   reason when aborted
 */
export async function fetchPlaylist(
  url: URL,
  context: PullContext,
  options: {
    signal: AbortSignal;
    holdMs?: number;
    idleMs?: number;
    fresh?: boolean;
    imports?: ReadonlyMap<string, string> | undefined;
    reader?: PlaylistReader;
  },
): Promise<LoadedPlaylist> {
  const {
    signal,
    holdMs = 0,
    idleMs = PLAYLIST_IDLE_MS,
    fresh = false,
    imports,
    reader = new PlaylistReader(),
  } = options;
  using reply = await context.access.fetch(url, {
    signal,
    maxBytes: MAX_BYTES,
    deadlineMs: Math.min(MAX_REQUEST_MS, DEADLINE_MS + holdMs),
    idleMs: idleMs + holdMs,
    fresh,
  });
  if (reply.status < 200 || reply.status > 299) throw statusFailure(reply.status, shownUrl(url));
  const text = utf8.decode(await reply.body());
  const arrivedMs = context.clock.nowMs();
  const query = reply.url.search === '' ? noQuery : new Map(reply.url.searchParams);
  const parsed = reader.read(text, { query, ...(imports && { imports }) });
  context.onPlaylist?.(parsed);
  return { parsed, text, url: reply.url, arrivedMs };
}
