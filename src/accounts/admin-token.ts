/**
 * Checks the admin token of a request.
 * In: the Authorization header and the token of the settings. Out: yes, or an error with a hint. RFC 6750
 * 2.1.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { OxbowError } from '../lib/errors.ts';

/** Checks for the admin token. */
export interface AdminGate {
  /** An admin token was set. */
  readonly isSet: boolean;
  /** Whether the header has the admin token. Compares in constant time. */
  isAdmin(authorization: string | undefined): boolean;
  /** Throws OxbowError `unauthorized` unless `isAdmin`. */
  requireAdmin(authorization: string | undefined): void;
}

const BEARER = /^Bearer +([^\s]+) *$/i;

/**
 * @param adminToken the token of the settings; undefined or empty: no request is accepted
 */
export function createAdminGate(adminToken: string | undefined): AdminGate {
  const expected = adminToken ? digest(adminToken) : undefined;
  const isAdmin = (authorization: string | undefined): boolean => {
    const token = authorization === undefined ? undefined : BEARER.exec(authorization)?.[1];
    if (token === undefined || expected === undefined) return false;
    return timingSafeEqual(digest(token), expected);
  };
  return {
    isSet: expected !== undefined,
    isAdmin,
    requireAdmin(authorization) {
      if (isAdmin(authorization)) return;
      if (!expected) {
        throw new OxbowError('unauthorized', 'No admin token is set.', {
          extra: {
            hint: 'Sign in by the link of `oxbow token link`. For programs start oxbow with --admin-token TOKEN (or OXBOW_ADMIN_TOKEN) and send `Authorization: Bearer TOKEN`.',
          },
        });
      }
      const detail = authorization === undefined ? 'The request has no Authorization header.' : 'The token is wrong.';
      throw new OxbowError('unauthorized', detail);
    },
  };
}

// All digests have the same length, so the comparison does not reveal the length of the token.
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
