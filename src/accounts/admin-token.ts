/**
 * Whether a request carries the admin token.
 * In: the Authorization header and the token of the settings. Out: yes, or a refusal that says what to do. RFC 6750, 2.1.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { OxbowError } from '../lib/errors.ts';

/** Tells administrators from everyone else. */
export interface AdminGate {
  /** An admin token was set. */
  readonly isSet: boolean;
  /** Whether the header carries the right token; takes the same time whatever the token is. */
  isAdmin(authorization: string | undefined): boolean;
  /** Throws OxbowError `unauthorized` unless `isAdmin`. */
  requireAdmin(authorization: string | undefined): void;
}

const BEARER = /^Bearer +([^\s]+) *$/i;

/**
 * @param adminToken the token of the settings; undefined or empty: nobody is an administrator
 */
export function createAdminGate(adminToken: string | undefined): AdminGate {
  const expected = adminToken ? digest(adminToken) : undefined;
  const isAdmin = (authorization: string | undefined): boolean => {
    const given = authorization === undefined ? undefined : BEARER.exec(authorization)?.[1];
    if (given === undefined || expected === undefined) return false;
    return timingSafeEqual(digest(given), expected);
  };
  return {
    isSet: expected !== undefined,
    isAdmin,
    requireAdmin(authorization) {
      if (isAdmin(authorization)) return;
      if (!expected) {
        throw new OxbowError('unauthorized', 'This oxbow was started without an admin token, so nobody may do this.', {
          extra: {
            hint: 'Sign in by the link of `oxbow token link`. For programs start oxbow with --admin-token TOKEN (or OXBOW_ADMIN_TOKEN) and send `Authorization: Bearer TOKEN`.',
          },
        });
      }
      const detail =
        authorization === undefined ? 'The request has no Authorization header.' : 'The token is not the right one.';
      throw new OxbowError('unauthorized', detail);
    },
  };
}

// Digests have one length, so the comparison tells nothing about the length of the token either.
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
