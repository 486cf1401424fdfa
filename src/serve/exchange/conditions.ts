/**
 * Evaluates conditional requests and content coding.
 * In: If-None-Match, If-Match, If-Range, Accept-Encoding. Out: yes or no. RFC 9110 8.8.3, 12.5.3 and 13.1.
 */
import { OxbowError } from '../../lib/errors.ts';

/**
 * Whether If-None-Match names the validator, so that 304 is the answer. Weak comparison.
 *
 * @param etag with its quotes
 */
export function matchesEtag(header: string, etag: string): boolean {
  if (header.trim() === '*') return true;
  return header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
}

/**
 * Whether to apply a Range header, given If-Range. Strong comparison; dates never match, since oxbow sends
 * none.
 *
 * @param etag with its quotes; undefined if there is none
 */
export function allowsRange(header: string | undefined, etag: string | undefined): boolean {
  return header === undefined || (etag !== undefined && header.trim() === etag);
}

/** Whether the client accepts gzip. */
export function acceptsGzip(header: string | undefined): boolean {
  if (!header) return false;
  let star = false;
  for (const item of header.split(',')) {
    const [coding, ...parameters] = item.split(';').map((each) => each.trim().toLowerCase());
    if (coding !== 'gzip' && coding !== 'x-gzip' && coding !== '*') continue;
    const accepted = !parameters.some((each) => /^q=0(\.0*)?$/.test(each));
    if (coding !== '*') return accepted;
    star = accepted;
  }
  return star;
}

/**
 * Checks If-Match and If-None-Match of a change. Strong comparison; `*` matches any existing resource.
 *
 * @param revision of the resource, without quotes; undefined if it does not exist
 * @throws OxbowError `precondition-failed`
 */
export function checkMatch(ifMatch: string | undefined, ifNoneMatch: string | undefined, revision?: string): void {
  const names = (header: string) =>
    revision !== undefined && header.split(',').some((tag) => tag.trim() === '*' || tag.trim() === `"${revision}"`);
  if (ifMatch !== undefined && !names(ifMatch)) {
    throw new OxbowError('precondition-failed', `If-Match (${ifMatch.slice(0, 80)}) does not match the current ETag.`);
  }
  if (ifNoneMatch !== undefined && names(ifNoneMatch)) {
    throw new OxbowError(
      'precondition-failed',
      `If-None-Match (${ifNoneMatch.slice(0, 80)}) matches: the resource exists.`,
      {
        extra: { hint: 'Omit the header to replace the resource.' },
      },
    );
  }
}
