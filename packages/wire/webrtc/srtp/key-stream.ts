/**
 * The key stream of AES in counter mode, made ahead for the next packets of a source.
 * In: a session key with its salt; which packet. Out: packets, encrypted or decrypted in place.
 * RFC 3711 4.1.1.
 *
 * A cipher object for each packet costs more than the encryption. The blocks of counter mode are those that
 * AES makes of consecutive numbers, so one cipher that is never finished makes those of several packets.
 */
import { type Cipheriv, createCipheriv, createSecretKey } from 'node:crypto';
import type { SessionKeys } from './session-keys.ts';

const BLOCK_BYTES = 16;
/** What is made ahead for one source: 16 packets, and at most this, which is 7 full ones. */
const MAX_AHEAD = 16;
const MAX_AHEAD_BYTES = 8 * 1024;
/** Sources with key stream made ahead; those of further ones is made for each packet. */
const MAX_SOURCES = 32;

/** A packet, as the cipher uses it. */
export interface PacketNumber {
  readonly ssrc: number;
  /** RTP: rollover counter and sequence number, 48 bits. RTCP: the SRTCP index, 31 bits. */
  readonly index: number;
}

/** The key stream of consecutive packets of one source. */
interface Ahead {
  /** Index of the first packet. */
  first: number;
  /** Packets, and blocks of each of them. */
  count: number;
  blocks: number;
  words: Uint32Array;
  /** The most blocks that one of them has used. */
  used: number;
}

/** Numbers of blocks; OpenSSL reads them at once. */
let numbers = new Uint8Array(2 * MAX_AHEAD_BYTES);
let numbersView = new DataView(numbers.buffer);

/** The key stream of one direction and protocol. */
export class KeyStream {
  readonly #cipher: Cipheriv;
  readonly #salt: DataView;
  readonly #ahead = new Map<number, Ahead>();

  constructor({ key, salt }: SessionKeys) {
    // ECB makes no message of it: the blocks are the numbers of counter mode, each of which is used once.
    this.#cipher = createCipheriv('aes-128-ecb', createSecretKey(key), null).setAutoPadding(false);
    const padded = new Uint8Array(BLOCK_BYTES);
    padded.set(salt);
    this.#salt = new DataView(padded.buffer);
  }

  /**
   * Encrypts or decrypts a part of a packet in place.
   *
   * @param words of the packet's buffer: the rest of the last word changes too
   * @param at offset of the part, in words
   * @param bytes of the part
   * @param keepsOn packets of this source follow, with consecutive indexes
   */
  apply(words: Uint32Array, at: number, bytes: number, number: PacketNumber, keepsOn: boolean): void {
    const blocks = Math.ceil(bytes / BLOCK_BYTES);
    // Nothing is kept for packets that are larger: a peer may have many sources.
    const ahead = keepsOn && bytes <= MAX_AHEAD_BYTES ? this.#aheadOf(number, blocks) : undefined;
    const stream = ahead ? ahead.words : this.#make(number, 1, blocks);
    const from = ahead ? (number.index - ahead.first) * ahead.blocks * 4 : 0;
    const count = (bytes + 3) >> 2;
    for (let i = 0; i < count; i++) words[at + i]! ^= stream[from + i]!;
  }

  /** Undefined: it has to be made for this packet only. */
  #aheadOf(number: PacketNumber, blocks: number): Ahead | undefined {
    const { ssrc, index } = number;
    const ahead = this.#ahead.get(ssrc);
    if (!ahead) {
      // A source starts without one: it may have one packet only.
      if (this.#ahead.size < MAX_SOURCES)
        this.#ahead.set(ssrc, { first: index, count: 1, blocks: 0, words: new Uint32Array(), used: blocks });
      return undefined;
    }
    if (blocks > ahead.used) ahead.used = blocks;
    const place = index - ahead.first;
    if (place >= 0 && place < ahead.count) return blocks <= ahead.blocks ? ahead : undefined;
    if (place < 0) return undefined; // it is late, or sent again
    const size = ahead.used;
    const fitting = Math.floor(MAX_AHEAD_BYTES / (size * BLOCK_BYTES));
    ahead.count = Math.min(MAX_AHEAD, fitting, 2 * ahead.count);
    ahead.words = this.#make(number, ahead.count, size);
    ahead.first = index;
    ahead.blocks = size;
    ahead.used = blocks;
    return ahead;
  }

  /** The key stream of consecutive packets, each of `blocks` blocks. */
  #make({ ssrc, index }: PacketNumber, count: number, blocks: number): Uint32Array {
    const bytes = count * blocks * BLOCK_BYTES;
    if (bytes > numbers.length) {
      numbers = new Uint8Array(bytes);
      numbersView = new DataView(numbers.buffer);
    }
    // (salt * 2^16) xor (ssrc * 2^64) xor (index * 2^16), then the number of the block
    const salt = this.#salt;
    const [first, second] = [salt.getUint32(0), (salt.getUint32(4) ^ ssrc) >>> 0];
    const [third, fourth] = [salt.getUint32(8), salt.getUint32(12)];
    let at = 0;
    for (let packet = index; packet < index + count; packet++) {
      const high = (third ^ Math.floor(packet / 65_536)) >>> 0;
      const low = (fourth ^ ((packet & 0xffff) << 16)) >>> 0;
      for (let block = 0; block < blocks; block++, at += BLOCK_BYTES) {
        numbersView.setUint32(at, first);
        numbersView.setUint32(at + 4, second);
        numbersView.setUint32(at + 8, high);
        numbersView.setUint32(at + 12, low + block);
      }
    }
    return wordsOf(this.#cipher.update(numbers.subarray(0, bytes)));
  }
}

function wordsOf({ buffer, byteOffset, length }: Buffer): Uint32Array {
  if (byteOffset % 4 === 0) return new Uint32Array(buffer, byteOffset, length / 4);
  return new Uint32Array(buffer.slice(byteOffset, byteOffset + length));
}
