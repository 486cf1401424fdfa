/**
 * Decides what of a reply is sent to whoever asked for it, and how it is described: whole, gzipped, a range, or unchanged.
 * In: delivery's Reply and the request's headers. Out: status, head and pieces. RFC 9110, 8, 13 and 14; RFC 9111, 5.2.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Reply } from '../../delivery/reply.ts';
import { OxbowError } from '../../lib/errors.ts';
import { acceptsGzip, allowsRange, matchesEtag } from './conditions.ts';
import { parseByteRange } from './range.ts';
import { cutBody } from './send.ts';

/** An answer that is ready to be sent. */
export interface Representation {
  readonly status: 200 | 206 | 304;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly body: Reply['body'];
  /** Bytes of the body. */
  readonly length: number;
}

/**
 * Chooses the representation.
 *
 * @param how.isPrivate whether shared caches must not keep it
 * @throws OxbowError `bad-range` where the range lies outside
 */
export function representationOf(
  request: IncomingHttpHeaders,
  reply: Reply,
  { isHead, isPrivate }: { readonly isHead: boolean; readonly isPrivate: boolean },
): Representation {
  // Ranges are of the bytes as they are; a part of a gzip is of no use to anyone.
  const isRange = request.range !== undefined && !isHead;
  const zipped = reply.gzip && !isRange && acceptsGzip(request['accept-encoding']) ? reply.gzip() : undefined;
  const length = zipped?.length ?? reply.length;
  const etag = reply.etag === undefined ? undefined : `"${reply.etag}${zipped ? '-gz' : ''}"`;
  // Said with the plain form too: else a cache gives the gzipped one to whoever comes next (RFC 9110, 12.5.5).
  const vary = [...(reply.gzip ? ['Accept-Encoding'] : []), ...(isPrivate ? ['Authorization'] : [])].join(', ');
  const headers: Record<string, string | number> = {
    'cache-control': isPrivate ? toPrivate(reply.cacheControl) : reply.cacheControl,
    ...(etag && { etag }),
    ...(vary && { vary }),
  };
  if (etag && request['if-none-match'] !== undefined && matchesEtag(request['if-none-match'], etag)) {
    return { status: 304, headers, body: [], length: 0 };
  }
  headers['content-type'] = reply.contentType;
  headers['x-content-type-options'] = 'nosniff';
  headers['accept-ranges'] = 'bytes';
  if (reply.filename !== undefined) headers['content-disposition'] = printAttachment(reply.filename);
  if (zipped) headers['content-encoding'] = 'gzip';
  const range =
    isRange && allowsRange(request['if-range'] as string | undefined, etag)
      ? parseByteRange(request.range!, length)
      : undefined;
  if (range === 'unsatisfiable') {
    throw new OxbowError('bad-range', `The whole has ${length} bytes.`, {
      extra: { contentRange: `bytes */${length}` },
    });
  }
  if (range) {
    headers['content-length'] = range.end - range.start;
    headers['content-range'] = `bytes ${range.start}-${range.end - 1}/${length}`;
    const body = cutBody(reply.body, range.start, range.end);
    return { status: 206, headers, body, length: range.end - range.start };
  }
  headers['content-length'] = length;
  return { status: 200, headers, body: zipped ? [zipped] : reply.body, length };
}

function toPrivate(cacheControl: string): string {
  if (/\bno-store\b/.test(cacheControl)) return cacheControl;
  return `private, ${cacheControl.replace(/\bpublic,? */g, '')}`.replace(/, $/, '');
}

function printAttachment(filename: string): string {
  const plain = filename.replace(/[^\x20-\x7e]|["\\]/g, '_');
  return `attachment; filename="${plain}"; filename*=UTF-8''${encodeURIComponent(filename).replace(/['()*]/g, escapeByte)}`;
}

function escapeByte(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}
