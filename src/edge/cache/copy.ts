/**
 * A copy of an object of the origin, in the form that all responders send.
 * In: a response of the origin, or a file of the disk cache. Out: a `Reply` with its freshness.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { gzipSync } from 'node:zlib';
import type { Reply } from '../../delivery/reply.ts';
import { SIGN_FIELD, signsAtIn } from '../../delivery/signed-addresses.ts';
import { type Freshness, freshnessOf, validatorOf } from './freshness.ts';

/** A fast level: a playlist is compressed once for all clients, but must not block the event loop. */
const GZIP_LEVEL = 4;
/** Below this gzip saves no packet. */
const GZIP_FROM_BYTES = 1400;
/** See serve/hot/raw-response.ts. */
const JOINED_BYTES = 64 * 1024;
/** Memory of a copy in addition to its bytes. */
const OVERHEAD_BYTES = 1024;

export interface Copy {
  readonly key: string;
  /** What playback tokens for it are signed for. */
  readonly name: string;
  readonly reply: Reply;
  readonly freshness: Freshness;
  /** When the origin confirmed it last, ms since 1970. */
  readonly confirmedMs: number;
}

/** Fields of a copy that survive a restart. */
export interface CopyFields {
  readonly contentType: string;
  /** As the origin sent it, without `private`. */
  readonly cacheControl: string;
  readonly etag: string | undefined;
  /** The origin compresses it for those that accept gzip. */
  readonly isText: boolean;
  /** See `Reply`; of playlists only, which are not on the disk. */
  readonly signsAt?: readonly string[] | undefined;
}

/** The fields of a response. */
export function fieldsOf(headers: IncomingHttpHeaders): CopyFields {
  const control = (headers['cache-control'] ?? 'no-store').split(',').map((directive) => directive.trim());
  const isPrivate = control.some((directive) => directive.toLowerCase() === 'private');
  const otherDirectives = control.filter((directive) => directive.toLowerCase() !== 'private').join(', ');
  return {
    contentType: headers['content-type'] ?? 'application/octet-stream',
    cacheControl: isPrivate ? `public, ${otherDirectives}` : otherDirectives,
    etag: validatorOf(headers),
    isText: /\baccept-encoding\b/i.test(headers.vary ?? ''),
    signsAt: signsAtIn(headers[SIGN_FIELD]),
  };
}

/** The reply of a copy. The bytes belong to it. */
export function replyOf({ contentType, cacheControl, etag, isText, signsAt }: CopyFields, bytes: Uint8Array): Reply {
  let zipped: Uint8Array | undefined;
  return {
    contentType,
    cacheControl,
    length: bytes.length,
    body: [bytes],
    ...(etag !== undefined && { etag }),
    ...(signsAt && { signsAt }),
    ...(isText &&
      bytes.length >= GZIP_FROM_BYTES && {
        gzip: () => {
          zipped ??= gzipSync(bytes, { level: GZIP_LEVEL });
          return zipped;
        },
      }),
  };
}

/** A copy that the origin has confirmed by a 304. */
export function confirmed(copy: Copy, headers: IncomingHttpHeaders, nowMs: number): Copy {
  const { cacheControl } = fieldsOf(headers);
  const hasControl = headers['cache-control'] !== undefined;
  const freshness = hasControl ? freshnessOf(headers, nowMs) : copy.freshness;
  // Another object, because its serialized form has the freshness in it; gzip is shared.
  const reply: Reply = { ...copy.reply, ...(hasControl && { cacheControl }) };
  return { ...copy, reply, freshness, confirmedMs: nowMs };
}

/** The bytes of a copy. */
export function bytesOf({ reply }: Pick<Copy, 'reply'>): Uint8Array {
  return reply.body[0] as Uint8Array;
}

/** Memory that a copy takes, bytes: responses up to 64 KiB exist once more, with their heads. */
export function weightOf({ reply: { length } }: Pick<Copy, 'reply'>): number {
  return (length <= JOINED_BYTES ? 2 * length : length) + OVERHEAD_BYTES;
}
