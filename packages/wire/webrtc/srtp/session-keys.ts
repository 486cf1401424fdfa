/**
 * Session keys of SRTP and SRTCP from a master key.
 * In: master key and salt. Out: keys for encryption and authentication. RFC 3711 4.3, RFC 7714 11.
 */
import { createCipheriv } from 'node:crypto';
import type { SrtpSecret } from '../dtls/handshake.ts';

/** Keys of one direction and one of the two protocols. */
export interface SessionKeys {
  /** 16 bytes. */
  readonly key: Uint8Array;
  /** 14 bytes in AES-CM, 12 bytes in AES-GCM. */
  readonly salt: Uint8Array;
  /** For HMAC-SHA1; unused in AES-GCM. */
  readonly authentication: Uint8Array;
}

/** Labels of the key derivation, RFC 3711 4.3.1 and 4.3.2. */
const labels = {
  rtp: { key: 0, authentication: 1, salt: 2 },
  rtcp: { key: 3, authentication: 4, salt: 5 },
} as const;

/** Derives the session keys of SRTP or SRTCP; the key derivation rate is zero. */
export function deriveKeys({ key, salt }: SrtpSecret, protocol: 'rtp' | 'rtcp'): SessionKeys {
  const derive = (label: number, bytes: number): Uint8Array => {
    const counter = Buffer.alloc(16);
    counter.set(salt); // a salt of 12 bytes is extended by zeros
    counter[7] = counter[7]! ^ label;
    return createCipheriv('aes-128-ctr', key, counter).update(Buffer.alloc(bytes));
  };
  const label = labels[protocol];
  return {
    key: derive(label.key, 16),
    salt: derive(label.salt, salt.length),
    authentication: derive(label.authentication, 20),
  };
}
