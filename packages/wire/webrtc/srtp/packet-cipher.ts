/**
 * Encryption and authentication of single packets, in both SRTP profiles.
 * In: a packet with its number. Out: the protected packet, and the reverse. RFC 3711 4.1 and 4.2, RFC 7714 8
 * and 9.
 */
import { createCipheriv, createDecipheriv, createSecretKey, hash, timingSafeEqual } from 'node:crypto';
import type { SrtpProfile } from '../dtls/handshake.ts';
import { KeyStream, type PacketNumber } from './key-stream.ts';
import type { SessionKeys } from './session-keys.ts';

/** AEAD_AES_128_GCM, RFC 7714 14.2. */
export const AES_GCM: SrtpProfile = { id: 7, keyBytes: 16, saltBytes: 12 };
/** SRTP_AES128_CM_HMAC_SHA1_80, RFC 5764 4.1.2. */
export const AES_CM: SrtpProfile = { id: 1, keyBytes: 16, saltBytes: 14 };

const HMAC_TAG_BYTES = 10;
const GCM_TAG_BYTES = 16;
/** Of SHA-1, RFC 2104 2. */
const HASHED_BLOCK_BYTES = 64;
const HASH_BYTES = 20;

/**
 * Seals and opens packets of one direction and protocol. The clear part is authenticated and stays readable;
 * `suffix` is authenticated too: in AES-CM the rollover counter of RTP, which is not sent, or the SRTCP
 * index, which is.
 */
export interface PacketCipher {
  readonly tagBytes: number;
  /** The protected packet, as it is sent: valid until any cipher is used again. */
  seal(clear: Uint8Array, secret: Uint8Array, suffix: Uint8Array, number: PacketNumber): Uint8Array;
  /**
   * The clear and the decrypted part; undefined if the packet is forged or damaged.
   * @param secret the encrypted part
   */
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
  return profile === AES_GCM.id ? createGcm(keys, protocol) : createCounterMode(keys, protocol);
}

/** The packet that is sealed or opened, after the inner pad of its HMAC: hashed without another copy. */
let packet = Buffer.alloc(0);
let words = new Uint32Array();
/** The outer pad of the HMAC, and the inner hash. */
const outerInput = Buffer.alloc(HASHED_BLOCK_BYTES + HASH_BYTES);
const computed = Buffer.alloc(HMAC_TAG_BYTES);

function createCounterMode(keys: SessionKeys, protocol: 'rtp' | 'rtcp'): PacketCipher {
  const stream = new KeyStream(keys);
  const isRtp = protocol === 'rtp';
  const [innerPad, outerPad] = [padOf(keys.authentication, 0x36), padOf(keys.authentication, 0x5c)];
  /** Composes the packet after the inner pad; returns its end. */
  const compose = (clear: Uint8Array, secret: Uint8Array, suffix: Uint8Array): number => {
    const suffixAt = HASHED_BLOCK_BYTES + clear.length + secret.length;
    const end = suffixAt + suffix.length;
    if (end + HMAC_TAG_BYTES > packet.length) makeRoom(end + HMAC_TAG_BYTES);
    packet.set(innerPad);
    packet.set(clear, HASHED_BLOCK_BYTES);
    packet.set(secret, HASHED_BLOCK_BYTES + clear.length);
    return end;
  };
  /** HMAC-SHA1 of the packet, RFC 2104: bytes as characters, which cost less than buffers. */
  const tagOf = (end: number): string => {
    outerInput.set(outerPad);
    outerInput.write(hash('sha1', packet.subarray(0, end), 'binary'), HASHED_BLOCK_BYTES, HASH_BYTES, 'latin1');
    return hash('sha1', outerInput, 'binary');
  };
  // Headers of RTP and RTCP are whole words.
  const encrypt = (clear: Uint8Array, secret: Uint8Array, number: PacketNumber): void =>
    stream.apply(words, (HASHED_BLOCK_BYTES + clear.length) / 4, secret.length, number, isRtp);
  return {
    tagBytes: HMAC_TAG_BYTES,
    seal(clear, secret, suffix, number) {
      const end = compose(clear, secret, suffix);
      encrypt(clear, secret, number);
      packet.set(suffix, end - suffix.length); // after the rest of the last word
      const tagAt = isRtp ? end - suffix.length : end;
      packet.write(tagOf(end), tagAt, HMAC_TAG_BYTES, 'latin1');
      return packet.subarray(HASHED_BLOCK_BYTES, tagAt + HMAC_TAG_BYTES);
    },
    open(clear, secret, suffix, tag, number) {
      const end = compose(clear, secret, suffix);
      packet.set(suffix, end - suffix.length);
      computed.write(tagOf(end), 0, HMAC_TAG_BYTES, 'latin1');
      if (!timingSafeEqual(computed, tag)) return undefined;
      encrypt(clear, secret, number);
      return Buffer.from(packet.subarray(HASHED_BLOCK_BYTES, end - suffix.length));
    },
  };
}

function makeRoom(bytes: number): void {
  packet = Buffer.alloc(Math.ceil(bytes / 1024) * 1024);
  words = new Uint32Array(packet.buffer, packet.byteOffset, packet.length / 4);
}

function padOf(key: Uint8Array, value: number): Uint8Array {
  const pad = new Uint8Array(HASHED_BLOCK_BYTES).fill(value);
  for (const [at, byte] of key.entries()) pad[at] = byte ^ value;
  return pad;
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
      const tag = cipher.getAuthTag();
      // AES-CM has the tag at the end, AES-GCM directly after the encrypted part: RFC 3711 3.4, RFC 7714 9.1.
      if (protocol === 'rtcp') return Buffer.concat([clear, sealed, tag, suffix]);
      return Buffer.concat([clear, sealed, tag], clear.length + sealed.length + tag.length);
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
      return Buffer.concat([clear, plain]);
    },
  };
}
