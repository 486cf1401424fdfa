/**
 * AES-CTR for the payloads of one stream key.
 * In: key, salt, sequence numbers, payloads. Out: the payloads encrypted or decrypted in place.
 * draft-sharabayko-srt-01 6.2.2, 6.3.2.
 *
 * A packet needs 83 blocks of the key stream, which depend on its sequence number only. One persistent
 * AES-ECB cipher encrypts the counter blocks of 16 neighbouring packets in one call: 2 µs a packet, where a
 * `createDecipheriv` for each packet takes 17 µs.
 */
import { type Cipheriv, createCipheriv } from 'node:crypto';
import { LIVE_PAYLOAD_BYTES } from '../packet/header.ts';

/**
 * Packets of one batch; a power of two, so that a batch begins at a multiple of it and never crosses the
 * wrap.
 */
const BATCH = 16;
const BLOCK = 16;

interface Batch {
  /** Sequence number of its first packet; -1 before the first use. */
  first: number;
  /** Bytes of key stream for each packet. */
  stride: number;
  stream: Uint8Array;
  /** The same bytes; undefined if they are not aligned to 4 bytes. */
  words: Uint32Array | undefined;
}

/**
 * The key stream of one key. Batches are kept for two places: the packets that arrive, and the ones
 * retransmitted.
 */
export class Keystream {
  readonly #cipher: Cipheriv;
  readonly #salt: Uint8Array;
  readonly #single: Uint8Array;
  #counters: Uint8Array;
  #view: DataView;
  #stride: number;
  #current: Batch = { first: -1, stride: 0, stream: new Uint8Array(), words: undefined };
  #previous: Batch = { first: -1, stride: 0, stream: new Uint8Array(), words: undefined };

  /**
   * @param key 16, 24 or 32 bytes
   * @param salt 16 bytes, of which the first 14 count
   */
  constructor(key: Uint8Array, salt: Uint8Array) {
    this.#cipher = createCipheriv(`aes-${key.length * 8}-ecb`, key, null).setAutoPadding(false);
    this.#salt = Uint8Array.from(salt.subarray(0, 14));
    this.#stride = Math.ceil(LIVE_PAYLOAD_BYTES / BLOCK) * BLOCK;
    this.#counters = new Uint8Array();
    this.#view = new DataView(this.#counters.buffer);
    this.#single = new Uint8Array(2048);
    this.#resize(this.#stride);
    for (let at = 0; at < this.#single.length; at += BLOCK) this.#single.set(this.#salt, at);
  }

  /**
   * Encrypts or decrypts `bytes[start, end)` in place; both are the same operation.
   *
   * @param sequence sequence number of the packet, 31 bits
   */
  apply(sequence: number, bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (length > this.#stride) this.#resize(Math.ceil(length / BLOCK) * BLOCK);
    const first = sequence & ~(BATCH - 1);
    let batch = this.#current;
    if (batch.first !== first || batch.stride < length) {
      batch = this.#previous;
      if (batch.first !== first || batch.stride < length) {
        if (((first - this.#current.first) << 1) >> 1 < 0 && this.#current.first >= 0) {
          this.#applySingle(sequence, bytes, start, end);
          return;
        }
        batch = this.#generate(first);
      }
    }
    const offset = (sequence - first) * batch.stride;
    xor(bytes, start, length, batch.stream, batch.words, offset);
  }

  #resize(stride: number): void {
    this.#stride = stride;
    this.#counters = new Uint8Array(BATCH * stride);
    this.#view = new DataView(this.#counters.buffer);
    for (let at = 0; at < this.#counters.length; at += BLOCK) this.#counters.set(this.#salt, at);
  }

  #generate(first: number): Batch {
    const view = this.#view;
    const stride = this.#stride;
    for (let index = 0; index < BATCH; index++) this.#count(view, index * stride, stride, first + index);
    const batch = this.#previous;
    this.#previous = this.#current;
    this.#current = batch;
    batch.first = first;
    batch.stride = stride;
    batch.stream = this.#cipher.update(this.#counters);
    batch.words = wordsOf(batch.stream);
    return batch;
  }

  /** A packet from before the batches: a late retransmission. */
  #applySingle(sequence: number, bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    const blocks = Math.ceil(length / BLOCK) * BLOCK;
    const counters = this.#single.subarray(0, blocks);
    this.#count(new DataView(counters.buffer, 0, blocks), 0, blocks, sequence);
    const stream = this.#cipher.update(counters);
    xor(bytes, start, length, stream, wordsOf(stream), 0);
  }

  /**
   * Writes the counter blocks of one packet: the salt, with the sequence number in bytes 10 to 13 and the
   * block in 14 and 15.
   */
  #count(view: DataView, from: number, bytes: number, sequence: number): void {
    const salt = this.#salt;
    const high = ((salt[8]! << 24) | (salt[9]! << 16) | (salt[10]! << 8) | salt[11]!) ^ (sequence >>> 16);
    const low = ((salt[12]! << 24) | (salt[13]! << 16)) ^ (sequence << 16);
    for (let at = from, block = 0; at < from + bytes; at += BLOCK, block++) {
      view.setInt32(at + 8, high);
      view.setInt32(at + 12, low | block);
    }
  }
}

function wordsOf(stream: Uint8Array): Uint32Array | undefined {
  return stream.byteOffset % 4 === 0
    ? new Uint32Array(stream.buffer, stream.byteOffset, stream.length >> 2)
    : undefined;
}

function xor(
  bytes: Uint8Array,
  start: number,
  length: number,
  stream: Uint8Array,
  streamWords: Uint32Array | undefined,
  offset: number,
): void {
  let done = 0;
  const at = bytes.byteOffset + start;
  if (streamWords && at % 4 === 0) {
    const words = new Uint32Array(bytes.buffer, at, length >> 2);
    const from = offset >> 2;
    for (let index = 0; index < words.length; index++) words[index] = words[index]! ^ streamWords[from + index]!;
    done = words.length * 4;
  }
  for (; done < length; done++) bytes[start + done] = bytes[start + done]! ^ stream[offset + done]!;
}
