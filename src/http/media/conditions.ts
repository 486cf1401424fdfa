/**
 * The conditions of a request that decide whether bytes need to be sent, and in which coding.
 * In: If-None-Match, If-Match, If-Range, Accept-Encoding. Out: yes or no. RFC 9110, 8.8.3, 12.5.3 and 13.1.
 */
import { OxbowError } from '../../lib/errors.ts';

/**
 * Whether If-None-Match names the validator, so that 304 is the answer. Weak comparison.
 *
 * @param etag with its quotes
 */
export function matchesEtag(header: string, etag: string): boolean {
  if (header.trim() === '*') return true;
  return header.split(',').some((one) => one.trim().replace(/^W\//, '') === etag);
}

/**
 * Whether a Range header may be honoured under If-Range. Strong comparison; dates never match, we send none.
 *
 * @param etag with its quotes, or undefined where there is none
 */
export function allowsRange(header: string | undefined, etag: string | undefined): boolean {
  return header === undefined || (etag !== undefined && header.trim() === etag);
}

/** Whether the client takes gzip. */
export function acceptsGzip(header: string | undefined): boolean {
  if (!header) return false;
  let star = false;
  for (const one of header.split(',')) {
    const [coding, ...parameters] = one.split(';').map((each) => each.trim().toLowerCase());
    if (coding !== 'gzip' && coding !== 'x-gzip' && coding !== '*') continue;
    const accepted = !parameters.some((each) => /^q=0(\.0*)?$/.test(each));
    if (coding !== '*') return accepted;
    star = accepted;
  }
  return star;
}

/**
 * Refuses a change of what has changed meanwhile. Strong comparison; `*` means that there is one, or that there is none.
 *
 * @param revision of what is there, without quotes; undefined where nothing is
 * @throws OxbowError `precondition-failed`
 */
export function checkMatch(ifMatch: string | undefined, ifNoneMatch: string | undefined, revision?: string): void {
  const names = (header: string) =>
    revision !== undefined && header.split(',').some((one) => one.trim() === '*' || one.trim() === `"${revision}"`);
  if (ifMatch !== undefined && !names(ifMatch)) {
    throw new OxbowError('precondition-failed', 'If-Match does not name what is there now.');
  }
  if (ifNoneMatch !== undefined && names(ifNoneMatch)) {
    throw new OxbowError('precondition-failed', 'If-None-Match names what is there already.', {
      extra: { hint: 'Leave the header out to replace it.' },
    });
  }
}
