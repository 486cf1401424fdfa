/**
 * The rejection code of SRT for an error of the access.
 * In: an OxbowError, and whether the caller sent a secret. Out: the name of a code. Pure. libsrt
 * access_control.h.
 */

import type { SrtRejectReason } from '@oxbow/wire/srt/rejection';
import type { RefusalCode } from '../../lib/errors.ts';

const REASONS: Partial<Record<RefusalCode, SrtRejectReason>> = {
  'bad-name': 'bad-request',
  'stream-unknown': 'not-found',
  'publish-denied': 'forbidden',
  'watch-refused': 'forbidden',
  'watch-expired': 'forbidden',
  'watch-denied-here': 'forbidden',
  'publish-refused': 'bad-mode',
  'publisher-active': 'conflict',
  'limit-reached': 'overload',
  'too-many-requests': 'overload',
  'auth-unavailable': 'unavailable',
  'not-ready': 'unavailable',
};

/**
 * The reason for the caller.
 *
 * @param hasSecret the caller sent a key or a token
 */
export function rejectionOf(code: RefusalCode, hasSecret: boolean): SrtRejectReason {
  const reason = REASONS[code] ?? 'forbidden';
  return reason === 'forbidden' && !hasSecret && code !== 'watch-denied-here' ? 'unauthorized' : reason;
}
