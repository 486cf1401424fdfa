/**
 * Key material messages: the salt and the wrapped stream keys, and the states that answer them.
 * In: extensions of handshakes, and key refresh packets. Out: their fields, and back. Pure.
 * draft-sharabayko-srt-01 3.2.2, 6.
 */
import { FormatError } from '@oxbow/media/errors';
import type { SrtKeyLength } from '../srt.ts';
import { readU32, writeU32 } from './header.ts';

/** Answers to key material instead of the material itself. */
export const keyState = { unsecured: 0, securing: 1, secured: 2, noSecret: 3, badSecret: 4, badCipher: 5 } as const;

/** Length of the salt, bytes. */
export const SALT_BYTES = 16;

/** A key material message. */
export interface KeyMaterial {
  /** Keys it has: 1 even, 2 odd, 3 both. */
  readonly keys: 1 | 2 | 3;
  /** 2 is AES-CTR, 4 is AES-GCM. */
  readonly cipher: number;
  readonly keyLength: SrtKeyLength;
  /** 16 bytes. */
  readonly salt: Uint8Array;
  /** The wrapped keys, even before odd, and 8 bytes of integrity check (RFC 3394). */
  readonly wrapped: Uint8Array;
}

/** AES-CTR in the cipher field. */
export const CIPHER_AES_CTR = 2;
const FIRST_BYTE = 0x12; // version 1, packet type 2
const SIGNATURE = 0x2029; // "HAI" as a PnP vendor id
const ENCAPSULATION_SRT = 2;
const KEY_OFFSET = 16 + SALT_BYTES;

/**
 * Parses a key material message.
 *
 * @throws FormatError if a field is invalid or the length does not fit the keys
 */
export function parseKeyMaterial(message: Uint8Array): KeyMaterial {
  if (message.length < KEY_OFFSET) throw new FormatError('key material ends early', message.length);
  if (message[0] !== FIRST_BYTE) throw new FormatError('key material of an unknown version or type', 0);
  if (((message[1]! << 8) | message[2]!) !== SIGNATURE) throw new FormatError('key material without its signature', 1);
  const keys = message[3]! & 3;
  if (keys === 0) throw new FormatError('key material without a key', 3);
  if (readU32(message, 4) !== 0) throw new FormatError('key material for another key encrypting key', 4);
  if (message[14] !== SALT_BYTES / 4) throw new FormatError(`key material with a salt of ${message[14]} words`, 14);
  const keyLength = message[15]! * 4;
  if (keyLength !== 16 && keyLength !== 24 && keyLength !== 32) {
    throw new FormatError(`key material with keys of ${keyLength} bytes`, 15);
  }
  const count = keys === 3 ? 2 : 1;
  if (message.length !== KEY_OFFSET + 8 + keyLength * count) {
    throw new FormatError(`key material of ${message.length} bytes`, message.length);
  }
  return {
    keys: keys as 1 | 2 | 3,
    cipher: message[8]!,
    keyLength,
    salt: message.subarray(16, KEY_OFFSET),
    wrapped: message.subarray(KEY_OFFSET),
  };
}

/** Prints a key material message. */
export function printKeyMaterial(material: KeyMaterial): Uint8Array {
  const message = new Uint8Array(KEY_OFFSET + material.wrapped.length);
  message[0] = FIRST_BYTE;
  message[1] = SIGNATURE >> 8;
  message[2] = SIGNATURE & 0xff;
  message[3] = material.keys;
  message[8] = material.cipher;
  message[10] = ENCAPSULATION_SRT;
  message[14] = SALT_BYTES / 4;
  message[15] = material.keyLength / 4;
  message.set(material.salt, 16);
  message.set(material.wrapped, KEY_OFFSET);
  return message;
}

/** The state in an answer to key material; undefined if the answer is key material itself. */
export function parseKeyState(answer: Uint8Array): number | undefined {
  return answer.length === 4 ? readU32(answer, 0) : undefined;
}

/** Prints a state as answer, one of `keyState`. */
export function printKeyState(state: number): Uint8Array {
  const answer = new Uint8Array(4);
  writeU32(answer, 0, state);
  return answer;
}
