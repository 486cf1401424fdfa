/**
 * The header Idempotency-Key: its form, and the refusals of a key that does not fit its request.
 * In: the header. Out: a key. IETF draft-ietf-httpapi-idempotency-key-header.
 */
import { OxbowError } from './errors.ts';

const MAX_LENGTH = 255;

/**
 * The key of a request.
 *
 * @throws OxbowError `bad-request` if it is empty or too long
 */
export function readKey(key: string): string {
  if (key.length > 0 && key.length <= MAX_LENGTH) return key;
  throw new OxbowError('bad-request', `The Idempotency-Key has ${key.length} characters. Use 1 to ${MAX_LENGTH}.`);
}

/** The refusal of a key that an earlier request with another content has used. */
export function keyReused(): OxbowError {
  return new OxbowError('idempotency-key-reused', 'This Idempotency-Key was already used with another content.');
}

/** The refusal of a repeated request while the first one is answered. */
export function keyInUse(): OxbowError {
  return new OxbowError('idempotency-key-in-use', 'The first request with this Idempotency-Key is not answered yet.', {
    extra: { retryAfterSeconds: 1 },
  });
}
