/**
 * Encryption and authentication of single packets, in both SRTP profiles.
 * In: a packet with its number. Out: the protected packet, and the reverse. RFC 3711 4.1 and 4.2, RFC 7714 8
 * and 9.
 */
import { createCipheriv, createDecipheriv, createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';
import type { SrtpProfile } from '../dtls/handshake.ts';
import type { SessionKeys } from './session-keys.ts';

/** AEAD_AES_128_GCM, RFC 7714 14.2. */
export const AES_GCM: SrtpProfile = { id: 7, keyBytes: 16, saltBytes: 12 };
/** SRTP_AES128_CM_HMAC_SHA1_80, RFC 5764 4.1.2. */
export const AES_CM: SrtpProfile = { id: 1, keyBytes: 16, saltBytes: 14 };

const HMAC_TAG_BYTES = 10;
const GCM_TAG_BYTES = 16;

/** A packet, as the cipher uses it. */
interface PacketNumber {
  readonly ssrc: number;
  /** RTP: rollover counter and sequence number, 48 bits. RTCP: the SRTCP index, 31 bits. */
  readonly index: number;
}

/**
 * Seals and opens packets of one direction and protocol. The clear part is authenticated and stays readable;
 * `suffix` is authenticated too: in AES-CM the rollover counter of RTP, which is not sent, or the SRTCP
 * index.
 */
export interface PacketCipher {
  readonly tagBytes: number;
  /** Encrypted part and tag. */
  seal(clear: Uint8Array, secret: Uint8Array, suffix: Uint8Array, number: PacketNumber): Uint8Array[];
  /** The decrypted part; undefined if the packet is forged or damaged. @param secret the encrypted part */
  open(
    clear: Uint8Array,
    secret: Uint8Array,
    suffix: Uint8Array,
    tag: Uint8Array,
    number: PacketNumber,
  ): Uint8Array | undefined;
}

/**
 * The cipher of a profile. Key objects: with bytes as the key, Node needs four times as long for a packet.
 */
export function createPacketCipher(profile: number, protocol: 'rtp' | 'rtcp', keys: SessionKeys): PacketCipher {
  return profile === AES_GCM.id ? createGcm(keys, protocol) : createCounterMode(keys);
}

function createCounterMode(keys: SessionKeys): PacketCipher {
  const { salt } = keys;
  const key = createSecretKey(keys.key);
  const authentication = createSecretKey(keys.authentication);
  const block = Buffer.alloc(16); // OpenSSL copies it
  // RFC 3711 4.1.1: (salt * 2^16) xor (ssrc * 2^64) xor (index * 2^16)
  const counter = ({ ssrc, index }: PacketNumber): Buffer => {
    block.fill(0);
    block.writeUInt32BE(ssrc, 4);
    block.writeUIntBE(index, 8, 6);
    for (let i = 0; i < salt.length; i++) block[i] = block[i]! ^ salt[i]!;
    return block;
  };
  const tagOf = (clear: Uint8Array, secret: Uint8Array, suffix: Uint8Array): Buffer =>
    createHmac('sha1', authentication).update(clear).update(secret).update(suffix).digest().subarray(0, HMAC_TAG_BYTES);
  return {
    tagBytes: HMAC_TAG_BYTES,
    seal(clear, secret, suffix, number) {
      const sealed = createCipheriv('aes-128-ctr', key, counter(number)).update(secret);
      return [sealed, tagOf(clear, sealed, suffix)];
    },
    open(clear, secret, suffix, tag, number) {
      if (!timingSafeEqual(tagOf(clear, secret, suffix), tag)) return undefined;
      return createDecipheriv('aes-128-ctr', key, counter(number)).update(secret);
    },
  };
}

function createGcm(keys: SessionKeys, protocol: 'rtp' | 'rtcp'): PacketCipher {
  const { salt } = keys;
  const key = createSecretKey(keys.key);
  const block = Buffer.alloc(12); // OpenSSL copies it
  // RFC 7714 8.1 and 9.1
  const nonce = ({ ssrc, index }: PacketNumber): Buffer => {
    block.fill(0);
    block.writeUInt32BE(ssrc, 2);
    block.writeUIntBE(index, 6, 6);
    for (let i = 0; i < block.length; i++) block[i] = block[i]! ^ salt[i]!;
    return block;
  };
  let authenticated = Buffer.alloc(0); // OpenSSL reads it at once
  // The rollover counter is in the nonce; the SRTCP index is authenticated, RFC 7714 9.2. Always the same
  // buffer: a new one for each header costs more than the copy.
  const additional = (clear: Uint8Array, suffix: Uint8Array) => {
    const bytes = clear.length + (protocol === 'rtp' ? 0 : suffix.length);
    if (authenticated.length !== bytes) authenticated = Buffer.alloc(bytes);
    authenticated.set(clear);
    if (protocol === 'rtcp') authenticated.set(suffix, clear.length);
    return authenticated;
  };
  return {
    tagBytes: GCM_TAG_BYTES,
    seal(clear, secret, suffix, number) {
      const cipher = createCipheriv('aes-128-gcm', key, nonce(number));
      cipher.setAAD(additional(clear, suffix));
      const sealed = cipher.update(secret);
      cipher.final();
      return [sealed, cipher.getAuthTag()];
    },
    open(clear, secret, suffix, tag, number) {
      const decipher = createDecipheriv('aes-128-gcm', key, nonce(number));
      decipher.setAAD(additional(clear, suffix));
      decipher.setAuthTag(tag);
      const plain = decipher.update(secret);
      try {
        decipher.final();
      } catch {
        return undefined; // the tag does not match
      }
      return plain;
    },
  };
}
