/**
 * The key object of a content key. Node makes one for each cipher that gets bytes, which takes some
 * 10 µs: as long as the AES of 10 kB.
 * In: bytes of a key. Out: its key object, the same while the bytes are in memory.
 */
import { createSecretKey, type KeyObject } from 'node:crypto';

const known = new WeakMap<Uint8Array, KeyObject>();

/** @param key its bytes do not change */
export function secretKeyOf(key: Uint8Array): KeyObject {
  const found = known.get(key);
  if (found) return found;
  const made = createSecretKey(key);
  known.set(key, made);
  return made;
}
