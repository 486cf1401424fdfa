/**
 * Redirects downloads of whole stored files, and segments of the past, to the object store that has them, if
 * its target permits it. Access was checked before.
 * In: delivery's Reply. Out: the fields of a 302, or nothing: the file is then sent from here.
 */
import type { Reply } from '../../delivery/reply.ts';
import type { ServeDeps } from '../deps.ts';
import type { Exchange, HeadFields } from '../exchange/exchange.ts';
import { printAttachment } from '../exchange/representation.ts';

/**
 * The head of a redirect to an address that is valid for minutes; undefined: the file cannot be redirected,
 * or not now.
 */
export async function redirectOf(
  method: string | undefined,
  { body, contentType, filename, length }: Reply,
  { presign }: Pick<ServeDeps, 'presign'>,
): Promise<HeadFields | undefined> {
  const [file] = body;
  if (!presign || method !== 'GET' || filename === undefined || body.length !== 1) return undefined;
  if (!file || !('location' in file) || file.offset !== 0 || file.length !== length) return undefined;
  const disposition = printAttachment(filename);
  // A store that cannot sign is no reason to refuse the file.
  const location = await presign(file.location, { contentType, disposition }).catch(() => undefined);
  return location === undefined ? undefined : headTo(location);
}

/** In the query of a request: the client was redirected before, and had no success. */
const RETRY = 'direct=off';

interface DirectRequest {
  readonly query: string;
  /** Whether the client was redirected by the same request a moment ago; the store is probed then. */
  readonly isRepeated: () => boolean;
}

/**
 * The head of a redirect to the bytes of a segment; undefined: they are sent from here, because no object
 * store has them, because it does not answer viewers now, or because the client says that it did not. The
 * client sends its Range there.
 */
export async function directHeadOf(
  { method, headers }: Pick<Exchange, 'method' | 'headers'>,
  { stored, startsAt = 0, length }: Reply,
  { query, isRepeated }: DirectRequest,
  { direct, metrics }: Pick<ServeDeps, 'direct' | 'metrics'>,
): Promise<HeadFields | undefined> {
  // A range that depends on the length has another meaning in the file.
  if (!direct || !stored || method !== 'GET' || !BOUNDED.test(headers.range ?? '')) return undefined;
  const [start, last] = headers.range!.slice(6).split('-').map(Number) as [number, number];
  if (start < startsAt || last < start || last >= startsAt + length) return undefined;
  if (query.split('&').includes(RETRY)) {
    direct.doubt(stored).catch(() => undefined); // the next probe decides
    return undefined;
  }
  if (isRepeated()) await direct.doubt(stored).catch(() => undefined);
  const location = await direct.find(stored).catch(() => undefined);
  if (location === undefined) return undefined;
  metrics.directBytes.inc(last - start + 1);
  return headTo(location);
}

const BOUNDED = /^bytes=\d{1,15}-\d{1,15}$/;

/** No cache keeps the address, and no page that the client visits next is sent it. */
function headTo(location: string): HeadFields {
  return { location, 'cache-control': 'no-store', 'referrer-policy': 'no-referrer', 'content-length': 0 };
}
