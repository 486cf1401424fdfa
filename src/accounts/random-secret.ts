/**
 * Random bearer secrets and their digests.
 * In: nothing. Out: secrets for URLs, headers and cookies; the digests that are stored. RFC 4648 5.
 */
import { createHash, randomBytes } from 'node:crypto';

/** A new secret of that many random bytes, in base64url. 20 bytes cannot be guessed. */
export function createSecret(bytes = 20): string {
  return randomBytes(bytes).toString('base64url');
}

/** The SHA-256 that is stored instead of the secret, in base64url. A random secret needs no salt. */
export function digestOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}
