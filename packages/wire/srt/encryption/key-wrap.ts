/**
 * The key that a passphrase gives, and stream keys wrapped with it.
 * In: passphrase, salt, keys. Out: wrapped keys, and back. draft-sharabayko-srt-01 6.1.5, RFC 8018 (PBKDF2),
 * RFC 3394 (key wrap).
 */
import { createCipheriv, createDecipheriv, pbkdf2Sync } from 'node:crypto';
import type { SrtKeyLength } from '../srt.ts';

const ITERATIONS = 2048;
/** The initial value of RFC 3394 2.2.3.1. */
const INITIAL_VALUE = Buffer.alloc(8, 0xa6);

/**
 * Derives the key encrypting key; about half a millisecond of work.
 *
 * @param salt 16 bytes, of which the last 8 count
 */
export function deriveKey(passphrase: string, salt: Uint8Array, keyLength: SrtKeyLength): Buffer {
  return pbkdf2Sync(passphrase, salt.subarray(8, 16), ITERATIONS, keyLength, 'sha1');
}

/**
 * Wraps one or two stream keys.
 *
 * @param keys 16 to 64 bytes, a multiple of 8
 * @returns 8 bytes more than `keys`
 */
export function wrapKeys(keyEncryptingKey: Uint8Array, keys: Uint8Array): Buffer {
  const cipher = createCipheriv(`id-aes${keyEncryptingKey.length * 8}-wrap`, keyEncryptingKey, INITIAL_VALUE);
  return Buffer.concat([cipher.update(keys), cipher.final()]);
}

/** Unwraps stream keys; undefined if the integrity check fails: another passphrase. */
export function unwrapKeys(keyEncryptingKey: Uint8Array, wrapped: Uint8Array): Buffer | undefined {
  const decipher = createDecipheriv(`id-aes${keyEncryptingKey.length * 8}-wrap`, keyEncryptingKey, INITIAL_VALUE);
  try {
    return Buffer.concat([decipher.update(wrapped), decipher.final()]);
  } catch {
    return undefined;
  }
}
