/**
 * Random words that are a right in themselves, and what is kept of them.
 * In: nothing. Out: words for URLs, headers and cookies; their digests. RFC 4648, 5.
 */
import { createHash, randomBytes } from 'node:crypto';

/** A new word of so many random bytes, in base64url: 20 bytes cannot be guessed by anyone. */
export function createSecret(bytes = 20): string {
  return randomBytes(bytes).toString('base64url');
}

/** What is stored in place of a word. It was random, so a plain SHA-256 gives nothing of it away. In base64url. */
export function digestOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}
