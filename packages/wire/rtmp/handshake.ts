/**
 * The handshake, in its simple form and with the digests of Flash players and older encoders.
 * In: bytes of the peer, in pieces of any size. Out: bytes to send; whether it is complete. RTMP 1.0
 * specification (Adobe, 2012), 5.2. The form with digests is in no specification; all servers and encoders
 * use the same constants.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { FormatError } from '@oxbow/media/errors';

/** RTMP version of C0 and S0. */
const VERSION = 3;
/** Size of C1, S1, C2 and S2, bytes. */
const SIZE = 1536;
const DIGEST_BYTES = 32;
/**
 * Offsets of the four bytes whose sum gives the place of the digest, and the first place, for both layouts.
 */
const LAYOUTS = [
  { sumAt: 8, from: 12 },
  { sumAt: 772, from: 776 },
] as const;
const PLACES = 728;
const SECRET = Buffer.from('f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae', 'hex');
const CLIENT_NAME = Buffer.from('Genuine Adobe Flash Player 001');
const SERVER_NAME = Buffer.from('Genuine Adobe Flash Media Server 001');
/** Version of S1 with digests; encoders expect one above 3. */
const SERVER_VERSION = 0x04000001;

/** One side of the handshake. */
export interface Handshake {
  /**
   * Reads bytes of the peer.
   *
   * @param bytes a view whose memory is not used after the call
   * @returns how many bytes it used: all of them until it is complete
   * @throws FormatError if the version is not RTMP
   */
  push(bytes: Uint8Array): number;
  readonly isComplete: boolean;
}

/** Collects a number of bytes from pieces. */
class Collector {
  readonly bytes: Buffer;
  #filled = 0;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafe(size);
  }

  /** Bytes so far. */
  get filled(): number {
    return this.#filled;
  }

  get isFull(): boolean {
    return this.#filled === this.bytes.length;
  }

  /** Returns the offset after the bytes it took. */
  take(from: Uint8Array, at: number): number {
    const count = Math.min(this.bytes.length - this.#filled, from.length - at);
    this.bytes.set(from.subarray(at, at + count), this.#filled);
    this.#filled += count;
    return at + count;
  }
}

/**
 * The handshake of a server. Its memory until the first 1,537 bytes of the client have arrived: those bytes.
 */
export class ServerHandshake implements Handshake {
  readonly #send: (bytes: Uint8Array) => void;
  #hello: Collector | undefined;
  /** Bytes of C2 that have not arrived. Its content is not checked: clients send anything. */
  #echoLeft = SIZE;
  #hasAnswered = false;

  /** @param send sends S0, S1 and S2, once */
  constructor(send: (bytes: Uint8Array) => void) {
    this.#send = send;
  }

  get isComplete(): boolean {
    return this.#hasAnswered && this.#echoLeft === 0;
  }

  push(bytes: Uint8Array): number {
    let at = 0;
    if (!this.#hasAnswered && bytes.length > 0) {
      if (!this.#hello) checkVersion(bytes[0]!);
      this.#hello ??= new Collector(1 + SIZE);
      at = this.#hello.take(bytes, at);
      if (!this.#hello.isFull) return at;
      this.#send(answer(this.#hello.bytes.subarray(1)));
      this.#hello = undefined;
      this.#hasAnswered = true;
    }
    const echo = Math.min(this.#echoLeft, bytes.length - at);
    this.#echoLeft -= echo;
    return at + echo;
  }
}

function checkVersion(version: number): void {
  if (version === VERSION) return;
  const protocol = version === 6 || version === 8 ? 'RTMPE, which oxbow does not support' : 'not RTMP';
  throw new FormatError(`the first byte is ${version}: ${protocol}`, 0);
}

/** S0, S1 and S2 for a C1. */
function answer(c1: Buffer): Uint8Array {
  const bytes = randomBytes(1 + 2 * SIZE);
  bytes[0] = VERSION;
  const s1 = bytes.subarray(1, 1 + SIZE);
  const s2 = bytes.subarray(1 + SIZE);
  s1.writeUInt32BE(0, 0);
  s1.writeUInt32BE(0, 4);
  const clientDigest = c1.readUInt32BE(4) === 0 ? undefined : findDigest(c1, CLIENT_NAME);
  if (!clientDigest) {
    c1.copy(s2);
    return bytes;
  }
  s1.writeUInt32BE(SERVER_VERSION, 4);
  writeDigest(s1, clientDigest.layout, SERVER_NAME);
  const key = hmac(Buffer.concat([SERVER_NAME, SECRET]), clientDigest.digest);
  hmac(key, s2.subarray(0, SIZE - DIGEST_BYTES)).copy(s2, SIZE - DIGEST_BYTES);
  return bytes;
}

function hmac(key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer {
  const made = createHmac('sha256', key);
  for (const part of parts) made.update(part);
  return made.digest();
}

function placeOf(message: Buffer, layout: 0 | 1): number {
  const { sumAt, from } = LAYOUTS[layout];
  let sum = 0;
  for (let i = 0; i < 4; i++) sum += message[sumAt + i]!;
  return from + (sum % PLACES);
}

/** The digest of a message without the digest. */
function digestOf(message: Buffer, place: number, key: Uint8Array): Buffer {
  return hmac(key, message.subarray(0, place), message.subarray(place + DIGEST_BYTES));
}

/** The digest in a message, if it is valid in one of the two layouts. */
function findDigest(message: Buffer, key: Uint8Array): { digest: Buffer; layout: 0 | 1 } | undefined {
  for (const layout of [0, 1] as const) {
    const place = placeOf(message, layout);
    const digest = message.subarray(place, place + DIGEST_BYTES);
    if (timingSafeEqual(digest, digestOf(message, place, key))) return { digest, layout };
  }
  return undefined;
}

function writeDigest(message: Buffer, layout: 0 | 1, key: Uint8Array): void {
  const place = placeOf(message, layout);
  digestOf(message, place, key).copy(message, place);
}

/** The handshake of a client, in its simple form: each server has it. */
export class ClientHandshake implements Handshake {
  readonly #send: (bytes: Uint8Array) => void;
  #answer: Collector | undefined = new Collector(1 + 2 * SIZE);
  #hasEchoed = false;

  /** @param send sends C0 and C1 at once, and C2 later */
  constructor(send: (bytes: Uint8Array) => void) {
    this.#send = send;
    const bytes = randomBytes(1 + SIZE);
    bytes[0] = VERSION;
    bytes.writeUInt32BE(0, 1);
    bytes.writeUInt32BE(0, 5);
    send(bytes);
  }

  get isComplete(): boolean {
    return this.#answer === undefined;
  }

  push(bytes: Uint8Array): number {
    const collector = this.#answer;
    if (!collector || bytes.length === 0) return 0;
    const at = collector.take(bytes, 0);
    if (collector.bytes[0] !== VERSION) checkVersion(collector.bytes[0]!);
    // Some servers send S2 only after C2.
    const s1 = collector.bytes.subarray(1, 1 + SIZE);
    if (!this.#hasEchoed && collector.filled >= 1 + SIZE) {
      this.#hasEchoed = true;
      this.#send(Uint8Array.from(s1));
    }
    if (collector.isFull) this.#answer = undefined;
    return at;
  }
}
