/**
 * The keys of one connection: those it receives with, those it sends with, and their refresh.
 * In: passphrase, key material of the peer, payloads. Out: payloads in place, key material for the peer.
 * draft-sharabayko-srt-01 6.1, 6.1.6.
 */
import { randomBytes } from 'node:crypto';
import { keyFlag } from '../packet/header.ts';
import {
  CIPHER_AES_CTR,
  type KeyMaterial,
  keyState,
  parseKeyMaterial,
  parseKeyState,
  printKeyMaterial,
  printKeyState,
  SALT_BYTES,
} from '../packet/key-material.ts';
import type { SrtKeyLength, SrtKeyRefresh } from '../srt.ts';
import { deriveKey, unwrapKeys, wrapKeys } from './key-wrap.ts';
import { Keystream } from './keystream.ts';

const DEFAULT_REFRESH: SrtKeyRefresh = { afterPackets: 2 ** 24, announcePackets: 4096 };

interface StreamKey {
  readonly bytes: Uint8Array;
  readonly keystream: Keystream;
}

/** Result of reading key material: the keys were taken, or one of `keyState` says why not. */
type KeyResult = { readonly answer: Uint8Array; readonly failed: number | undefined };

/** Encrypts and decrypts the payloads of one connection. */
export class SrtEncryption {
  readonly #passphrase: string;
  readonly #refresh: SrtKeyRefresh;
  #keyLength: SrtKeyLength;
  /** Keys of the peer: even, odd. */
  readonly #receive: [StreamKey | undefined, StreamKey | undefined] = [undefined, undefined];
  /** Keys of this side: even, odd. */
  readonly #send: [StreamKey | undefined, StreamKey | undefined] = [undefined, undefined];
  #sendSalt: Uint8Array = new Uint8Array(SALT_BYTES);
  #keyEncryptingKey: { readonly salt: Uint8Array; readonly key: Uint8Array } | undefined;
  #sendIndex: 0 | 1 = 0;
  #sentWithKey = 0;
  /** The announcement that the peer has not confirmed yet. */
  #announcement: Uint8Array | undefined;
  #isConfirmed = false;

  constructor(passphrase: string, keyLength: SrtKeyLength, refresh: SrtKeyRefresh = DEFAULT_REFRESH) {
    this.#passphrase = passphrase;
    this.#keyLength = keyLength;
    this.#refresh = refresh;
  }

  /** Length of the keys, bytes; a caller's wish replaces that of a listener. */
  get keyLength(): SrtKeyLength {
    return this.#keyLength;
  }

  /** Key material that waits for the peer's confirmation; send it again until then. */
  get announcement(): Uint8Array | undefined {
    return this.#announcement;
  }

  /** Caller: creates the first key, used in both directions, and prints the KMREQ for the handshake. */
  createFirstKey(): Uint8Array {
    this.#sendSalt = randomBytes(SALT_BYTES);
    const bytes = randomBytes(this.#keyLength);
    this.#send[0] = this.#createKey(bytes, this.#sendSalt);
    this.#receive[0] = this.#createKey(bytes, this.#sendSalt);
    return this.#print(keyFlag.even, bytes);
  }

  /**
   * Takes keys of the peer: a KMREQ of a handshake or of a refresh.
   *
   * @param isHandshake the listener then sends with the same key until it refreshes its own
   * @returns the answer for the peer: the same message, or a state
   * @throws FormatError if the message is malformed
   */
  takeKeys(message: Uint8Array, isHandshake: boolean): KeyResult {
    const material = parseKeyMaterial(message);
    if (material.cipher !== CIPHER_AES_CTR) {
      return { answer: printKeyState(keyState.badCipher), failed: keyState.badCipher };
    }
    const keys = unwrapKeys(this.#deriveKey(material.salt, material.keyLength), material.wrapped);
    if (!keys) return { answer: printKeyState(keyState.badSecret), failed: keyState.badSecret };
    this.#setReceiveKeys(material, keys);
    if (isHandshake) {
      this.#keyLength = material.keyLength;
      this.#sendSalt = Uint8Array.from(material.salt);
      this.#sendIndex = this.#receive[0] ? 0 : 1;
      this.#send[this.#sendIndex] = this.#createKey(this.#receive[this.#sendIndex]!.bytes, this.#sendSalt);
    }
    return { answer: Uint8Array.from(message), failed: undefined };
  }

  /**
   * Caller and refreshing sender: reads the KMRSP. Returns one of `keyState` if the peer refused, undefined
   * if it confirmed.
   */
  readAnswer(answer: Uint8Array): number | undefined {
    const state = parseKeyState(answer);
    if (state !== undefined) return state;
    if (this.#announcement && equal(answer, this.#announcement)) {
      this.#announcement = undefined;
      this.#isConfirmed = true;
    }
    return undefined;
  }

  /**
   * Decrypts a payload in place.
   *
   * @param key KK field of the packet
   * @returns false if the packet is not encrypted or its key is unknown
   */
  decrypt(key: number, sequence: number, packet: Uint8Array, start: number): boolean {
    const streamKey = key === keyFlag.even ? this.#receive[0] : key === keyFlag.odd ? this.#receive[1] : undefined;
    if (!streamKey) return false;
    streamKey.keystream.apply(sequence, packet, start, packet.length);
    return true;
  }

  /** The KK field of the next packet to encrypt. */
  get sendKey(): number {
    return this.#sendIndex === 0 ? keyFlag.even : keyFlag.odd;
  }

  /** Encrypts a payload in place, with the key of `sendKey`, and refreshes the key when it is due. */
  encrypt(sequence: number, packet: Uint8Array, start: number, end: number): void {
    this.#send[this.#sendIndex]!.keystream.apply(sequence, packet, start, end);
    this.#sentWithKey++;
    const { afterPackets, announcePackets } = this.#refresh;
    if (this.#sentWithKey >= afterPackets) {
      // Without a confirmation the peer could not decrypt: the old key stays in use, and the announcement is
      // repeated.
      if (this.#isConfirmed) this.#switch();
    } else if (this.#sentWithKey === afterPackets - announcePackets) {
      this.#announce();
    } else if (this.#sentWithKey === announcePackets) {
      this.#send[1 - this.#sendIndex] = undefined;
    }
  }

  #announce(): void {
    const next = (1 - this.#sendIndex) as 0 | 1;
    this.#send[next] = this.#createKey(randomBytes(this.#keyLength), this.#sendSalt);
    const even = this.#send[0]!.bytes;
    const odd = this.#send[1]!.bytes;
    this.#announcement = this.#print(3, Buffer.concat([even, odd]));
    this.#isConfirmed = false;
  }

  #switch(): void {
    this.#sendIndex = (1 - this.#sendIndex) as 0 | 1;
    this.#sentWithKey = 0;
    this.#isConfirmed = false;
  }

  #setReceiveKeys(material: KeyMaterial, keys: Uint8Array): void {
    let at = 0;
    for (const index of [0, 1] as const) {
      if ((material.keys & (index + 1)) === 0) continue;
      const bytes = keys.subarray(at, at + material.keyLength);
      at += material.keyLength;
      const previous = this.#receive[index];
      if (!previous || !equal(previous.bytes, bytes)) this.#receive[index] = this.#createKey(bytes, material.salt);
    }
  }

  #print(keys: 1 | 2 | 3, bytes: Uint8Array): Uint8Array {
    const salt = this.#sendSalt;
    const keyLength = this.#keyLength;
    const wrapped = wrapKeys(this.#deriveKey(salt, keyLength), bytes);
    return printKeyMaterial({ keys, cipher: CIPHER_AES_CTR, keyLength, salt, wrapped });
  }

  /** Each direction has separate key streams: their batches are cached by sequence number. */
  #createKey(bytes: Uint8Array, salt: Uint8Array): StreamKey {
    return { bytes, keystream: new Keystream(bytes, salt) };
  }

  /** Refreshes keep their salt, so the derived key is kept for the last one. */
  #deriveKey(salt: Uint8Array, keyLength: SrtKeyLength): Uint8Array {
    const previous = this.#keyEncryptingKey;
    if (previous && previous.key.length === keyLength && equal(previous.salt, salt)) return previous.key;
    const key = deriveKey(this.#passphrase, salt, keyLength);
    this.#keyEncryptingKey = { salt: Uint8Array.from(salt), key };
    return key;
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}
