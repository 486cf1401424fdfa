/**
 * Redirects downloads of whole stored files to the object store that has them, if its target permits it.
 * Access was checked before.
 * In: delivery's Reply. Out: the fields of a 302, or nothing: the file is then sent from here.
 */
import type { Reply } from '../../delivery/reply.ts';
import type { ServeDeps } from '../deps.ts';
import type { HeadFields } from '../exchange/exchange.ts';
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
  return location === undefined
    ? undefined
    : { location, 'cache-control': 'no-store', 'referrer-policy': 'no-referrer', 'content-length': 0 };
}
