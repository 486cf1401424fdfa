/**
 * Selects the representation of a reply for a request: whole, gzipped, a range, or 304.
 * In: delivery's Reply and the request's headers. Out: status, head and pieces. RFC 9110 8, 13 and 14;
 * RFC 9111 5.2.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Reply } from '../../delivery/reply.ts';
import { OxbowError } from '../../lib/errors.ts';
import { acceptsGzip, allowsRange, matchesEtag } from './conditions.ts';
import { parseByteRange } from './range.ts';
import { cutBody } from './send.ts';

/**
 * Who gets an answer: anyone, some clients, or clients by their network and country. Shared caches may store
 * it in the first case only.
 */
export type Sharing = 'all' | 'some' | 'by-address';

/** Of answers that depend on the address of the client: edges ask the origin for each client. */
export const BY_ADDRESS = 'X-Forwarded-For';

/** Fields of requests by which answers differ. RFC 9110 12.5.5 */
const varying: Readonly<Record<Sharing, readonly string[]>> = {
  all: [],
  some: ['Authorization'],
  'by-address': ['Authorization', BY_ADDRESS],
};

/** An answer, ready to send. */
interface Representation {
  readonly status: 200 | 206 | 304;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly body: Reply['body'];
  /** Bytes of the body. */
  readonly length: number;
}

/**
 * Selects the representation.
 *
 * @param how.sharing which caches may store it
 * @throws OxbowError `bad-range` if the range is outside the representation
 */
export function representationOf(
  request: IncomingHttpHeaders,
  reply: Reply,
  { isHead, sharing }: { readonly isHead: boolean; readonly sharing: Sharing },
): Representation {
  if (reply.grows) {
    const { cacheControl, contentType } = reply;
    const headers = {
      'cache-control': cacheControl,
      'content-type': contentType,
      'x-content-type-options': 'nosniff',
      ...(sharing === 'by-address' && { vary: varying[sharing].join(', ') }),
    };
    return { status: 200, headers, body: [], length: 0 };
  }
  // Ranges apply to the uncompressed bytes: part of a gzip stream is useless.
  const isRange = request.range !== undefined && !isHead;
  const zipped = reply.gzip && !isRange && acceptsGzip(request['accept-encoding']) ? reply.gzip() : undefined;
  const length = zipped?.length ?? reply.length;
  const etag = reply.etag === undefined ? undefined : `"${reply.etag}${zipped ? '-gz' : ''}"`;
  // Also set on the uncompressed form: otherwise a cache may return the gzipped one to a client without gzip
  // (RFC 9110 12.5.5).
  const vary = [...(reply.gzip ? ['Accept-Encoding'] : []), ...varying[sharing]].join(', ');
  const headers: Record<string, string | number> = {
    'cache-control': sharing === 'all' ? reply.cacheControl : toPrivate(reply.cacheControl),
    ...(etag && { etag }),
    ...(vary && { vary }),
  };
  if (etag && request['if-none-match'] !== undefined && matchesEtag(request['if-none-match'], etag)) {
    return { status: 304, headers, body: [], length: 0 };
  }
  const startsAt = reply.startsAt ?? 0;
  const end = startsAt + length;
  headers['content-type'] = reply.contentType;
  headers['x-content-type-options'] = 'nosniff';
  headers['accept-ranges'] = 'bytes';
  if (reply.filename !== undefined) headers['content-disposition'] = printAttachment(reply.filename);
  if (zipped) headers['content-encoding'] = 'gzip';
  const range =
    isRange && allowsRange(request['if-range'] as string | undefined, etag)
      ? parseByteRange(request.range!, end)
      : undefined;
  if (range === 'unsatisfiable' || (startsAt > 0 && !isHead && !(range && range.start >= startsAt))) {
    const sent = isRange ? `The range "${request.range!.slice(0, 80)}" is not satisfiable` : 'A range is needed';
    const there = startsAt > 0 ? `there are the bytes ${startsAt} to ${end - 1}` : `there are ${length} bytes`;
    throw new OxbowError('bad-range', `${sent}: ${there}.`, { extra: { contentRange: `bytes */${end}` } });
  }
  if (range) {
    headers['content-length'] = range.end - range.start;
    headers['content-range'] = `bytes ${range.start}-${range.end - 1}/${end}`;
    const body = cutBody(reply.body, range.start - startsAt, range.end - startsAt);
    return { status: 206, headers, body, length: range.end - range.start };
  }
  headers['content-length'] = end;
  return { status: 200, headers, body: zipped ? [zipped] : reply.body, length };
}

function toPrivate(cacheControl: string): string {
  if (/\bno-store\b/.test(cacheControl)) return cacheControl;
  return `private, ${cacheControl.replace(/\bpublic,? */g, '')}`.replace(/, $/, '');
}

/** The value of Content-Disposition of a download. */
export function printAttachment(filename: string): string {
  const plain = filename.replace(/[^\x20-\x7e]|["\\]/g, '_');
  return `attachment; filename="${plain}"; filename*=UTF-8''${encodeURIComponent(filename).replace(/['()*]/g, escapeByte)}`;
}

function escapeByte(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}
