/**
 * The cryptography of evidence over WebCrypto, which browsers and Node have: SHA-256 and Ed25519.
 * In: bytes. Out: hashes; whether a signature is valid. RFC 8032, FIPS 180-4.
 */
import type { Sha256 } from './sample-rows.ts';

/** What a verification needs. */
export interface EvidenceCrypto {
  readonly sha256: Sha256;
  /**
   * Whether a signature is valid.
   *
   * @param key Ed25519, 32 bytes
   */
  readonly verify: (key: Uint8Array, signature: Uint8Array, message: Uint8Array) => Promise<boolean>;
}

/** The part of WebCrypto that is used. */
interface Subtle<Key> {
  digest(algorithm: 'SHA-256', bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer>;
  importKey(
    format: 'raw',
    key: Uint8Array<ArrayBuffer>,
    algorithm: { name: 'Ed25519' },
    extractable: false,
    usages: ['verify'],
  ): Promise<Key>;
  verify(
    algorithm: { name: 'Ed25519' },
    key: Key,
    signature: Uint8Array<ArrayBuffer>,
    message: Uint8Array<ArrayBuffer>,
  ): Promise<boolean>;
}

/** Most keys in memory. */
const MAX_KEYS = 100;

/** @param subtle that of the browser, or of Node */
export function webCrypto<Key>(subtle: Subtle<Key>): EvidenceCrypto {
  const keys = new Map<string, Promise<Key>>();
  const imported = (bytes: Uint8Array): Promise<Key> => {
    const name = bytes.join();
    const key =
      keys.get(name) ?? subtle.importKey('raw', Uint8Array.from(bytes), { name: 'Ed25519' }, false, ['verify']);
    if (keys.size < MAX_KEYS) keys.set(name, key);
    return key;
  };
  return {
    sha256: async (bytes) => new Uint8Array(await subtle.digest('SHA-256', Uint8Array.from(bytes))),
    async verify(key, signature, message) {
      if (key.length !== 32 || signature.length !== 64) return false;
      return subtle.verify(
        { name: 'Ed25519' },
        await imported(key),
        Uint8Array.from(signature),
        Uint8Array.from(message),
      );
    },
  };
}
