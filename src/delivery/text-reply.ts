/**
 * Creates replies of playlists and of bytes in memory; content types and Cache-Control of all replies.
 * In: text or bytes. Out: Reply; validator and gzip are computed at first use.
 */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { Reply } from './reply.ts';

/** Below this gzip saves no packet. */
const GZIP_FROM_BYTES = 1400;
/** A fast level: a playlist is compressed once for all clients, but must not block the event loop. */
const GZIP_LEVEL = 4;
const GZIP_LEVEL_OF_LARGE = 1;
const LARGE_BYTES = 256 * 1024;

/** Cache-Control by class of resource. */
export const caching = {
  /** Named by an MSN or a hash: the bytes never change. */
  forever: 'public, max-age=31536000, immutable',
  /** A playlist that grows. */
  live: 'public, max-age=1',
  /** A playlist of the past that may still gain segments. */
  past: 'public, max-age=10',
  none: 'no-store',
} as const;

/** Longest max-age of an answer to a blocking reload, seconds. */
const MAX_REACHED_S = 60;

/**
 * Cache-Control of the answer to a blocking reload. It always contains what the URL requests, but clients
 * that come much later need a newer playlist. Six target durations (RFC 8216bis B.1), at most a minute.
 *
 * @param targetDurationS TARGETDURATION, seconds
 */
export const cachingOfReached = (targetDurationS: number): string =>
  `public, max-age=${Math.min(6 * targetDurationS, MAX_REACHED_S)}`;

/** Content types (RFC 8216bis 4, RFC 8216bis 10). */
export const contentTypes = {
  playlist: 'application/vnd.apple.mpegurl',
  /** ISO 23009-1 annex C. */
  manifest: 'application/dash+xml',
  mp4: 'video/mp4',
  /** The registered name; `video/x-matroska` is its deprecated alias (IANA, RFC 9559). */
  mkv: 'video/matroska',
  ts: 'video/mp2t',
  segment: 'video/iso.segment',
  jpeg: 'image/jpeg',
  text: 'text/plain; charset=utf-8',
  vtt: 'text/vtt; charset=utf-8',
  ass: 'text/x-ssa; charset=utf-8',
} as const;

/** A playlist or manifest as a reply. */
export function playlistReply(
  text: string | Uint8Array,
  cacheControl: string,
  contentType: string = contentTypes.playlist,
): Reply {
  const bytes = typeof text === 'string' ? Buffer.from(text, 'utf8') : text;
  let zipped: Uint8Array | undefined;
  let tag: string | undefined;
  return {
    contentType,
    cacheControl,
    length: bytes.length,
    body: [bytes],
    get etag() {
      tag ??= createHash('sha1').update(bytes).digest('base64url');
      return tag;
    },
    ...(bytes.length >= GZIP_FROM_BYTES && {
      gzip: () => {
        zipped ??= gzipSync(bytes, { level: bytes.length < LARGE_BYTES ? GZIP_LEVEL : GZIP_LEVEL_OF_LARGE });
        return zipped;
      },
    }),
  };
}

/** The same reply with another Cache-Control; both share validator and gzip. */
export function keptFor(reply: Reply, cacheControl: string): Reply {
  return Object.create(reply, { cacheControl: { value: cacheControl, enumerable: true } }) as Reply;
}

/**
 * Bytes in memory as a reply.
 *
 * @param etag strong validator without quotes
 */
export function bytesReply(bytes: Uint8Array, contentType: string, cacheControl: string, etag?: string): Reply {
  return { contentType, cacheControl, length: bytes.length, body: [bytes], ...(etag !== undefined && { etag }) };
}
