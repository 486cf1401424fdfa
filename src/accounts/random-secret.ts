/**
 * Random bearer secrets and their digests.
 * In: nothing. Out: secrets for URLs, headers and cookies; the digests that are stored. RFC 4648 5.
 */
import { createHash, randomBytes } from 'node:crypto';

/**
 * A new secret of that many random bytes but for a bit, in base64url. 20 bytes cannot be guessed. It begins
 * with a letter: “-” begins an option.
 */
export function createSecret(bytes = 20): string {
  const random = randomBytes(bytes);
  random[0]! &= 0x7f;
  return random.toString('base64url');
}

/** The SHA-256 that is stored instead of the secret, in base64url. A random secret needs no salt. */
export function digestOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}
