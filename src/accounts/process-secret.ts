/**
 * A secret that this process shares with a child process: it is stored nowhere and ends with the process.
 * In: nothing. Out: the secret, and its check.
 */
import { timingSafeEqual } from 'node:crypto';
import { createSecret, digestOf } from './random-secret.ts';

/** A secret. */
export interface ProcessSecret {
  readonly secret: string;
  /** Whether the text is the secret. Compares in constant time. */
  matches(text: string): boolean;
}

/** Creates a secret. */
export function createProcessSecret(): ProcessSecret {
  const secret = `ow_${createSecret(32)}`;
  const expected = Buffer.from(digestOf(secret));
  return { secret, matches: (text) => timingSafeEqual(Buffer.from(digestOf(text)), expected) };
}
