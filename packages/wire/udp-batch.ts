/**
 * Receives many datagrams with one call of the system, recvmmsg(2).
 * In: the descriptor of a socket that does not wait. Out: its datagrams and their senders. Linux with
 * Node 26 only.
 */
import { SocketAddress } from 'node:net';
import { networkInterfaces } from 'node:os';
import { type CLibrary, lazyCLibrary } from './c-library.ts';

/**
 * Datagrams of a batch, and bytes for each. They share a block of memory. It is smaller than what the C
 * library maps apart (68 KiB, bin/oxbow), because the system clears mapped pages each time.
 */
const SLOTS = 44;
/** The longest datagram that fits: Ethernet carries 1,500 bytes. */
export const SLOT_BYTES = 1536;

/** Offsets in `struct mmsghdr`, and sizes of `struct iovec` and `struct sockaddr_in6`: Linux with 64 bits. */
const HEADER = { bytes: 64, name: 0, nameLength: 8, vectors: 16, vectorCount: 24, flags: 48, length: 56 } as const;
const VECTOR = { bytes: 16, memory: 0, length: 8 } as const;
const NAME_BYTES = 28;
const VECTORS_AT = SLOTS * HEADER.bytes;
const NAMES_AT = VECTORS_AT + SLOTS * VECTOR.bytes;

const MSG_DONTWAIT = 0x40;
const MSG_TRUNC = 0x20;
const AF_INET = 2;

/** Senders whose text is kept; beyond, all are read again. */
const MAX_SENDERS = 1024;

/** Where a datagram came from, as `node:dgram` writes it. */
export interface Sender {
  readonly address: string;
  readonly port: number;
}

type Library = CLibrary<'recvmmsg'>;

/** Opened by the first busy socket of the process. */
const library = lazyCLibrary({
  // int recvmmsg(int fd, struct mmsghdr *, unsigned int, int flags, struct timespec *)
  recvmmsg: { arguments: ['int32', 'pointer', 'uint32', 'int32', 'pointer'], return: 'int32' },
});

/** @returns undefined: batches are not possible here */
export function openBatch(fd: number): UdpBatch | undefined {
  const opened = library();
  return opened && new UdpBatch(fd, opened);
}

/** Batches of one socket. */
export class UdpBatch {
  readonly #fd: number;
  readonly #library: Library;
  /** All headers, then all vectors, then all names. */
  readonly #tables = Buffer.alloc(NAMES_AT + SLOTS * NAME_BYTES);
  readonly #words = new Uint32Array(this.#tables.buffer, this.#tables.byteOffset, this.#tables.length / 4);
  readonly #addresses = new BigUint64Array(this.#tables.buffer, this.#tables.byteOffset, this.#tables.length / 8);
  readonly #tablesAt: bigint;
  readonly #senders = new Map<string, Sender>();
  #block = Buffer.alloc(0);
  /** The next slot of the block, and the first one of the batch. */
  #next = SLOTS;
  #first = 0;

  constructor(fd: number, opened: Library) {
    this.#fd = fd;
    this.#library = opened;
    this.#tablesAt = opened.addressOf(this.#tables);
    for (let slot = 0; slot < SLOTS; slot++) {
      const header = slot * HEADER.bytes;
      this.#addresses[(header + HEADER.name) / 8] = this.#tablesAt + BigInt(NAMES_AT + slot * NAME_BYTES);
      this.#addresses[(header + HEADER.vectors) / 8] = this.#tablesAt + BigInt(VECTORS_AT + slot * VECTOR.bytes);
      this.#addresses[(header + HEADER.vectorCount) / 8] = 1n;
      this.#addresses[(VECTORS_AT + slot * VECTOR.bytes + VECTOR.length) / 8] = BigInt(SLOT_BYTES);
    }
  }

  /**
   * Receives what has arrived, without waiting.
   * @returns how many datagrams, and whether more may have arrived
   */
  fetch(): { readonly count: number; readonly isFull: boolean } {
    // A receiver that transfers a datagram takes the block away: nothing may be written into it then.
    if (this.#next === SLOTS || this.#block.length === 0) this.#renew();
    this.#first = this.#next;
    const headers = this.#tablesAt + BigInt(this.#first * HEADER.bytes);
    const received = this.#library.call.recvmmsg(this.#fd, headers, SLOTS - this.#first, MSG_DONTWAIT, 0n);
    const count = Math.max(0, received); // -1: none has arrived
    this.#next += count;
    return { count, isFull: this.#next === SLOTS };
  }

  /** A datagram of the batch, which may be kept and changed; undefined: it did not fit. */
  packet(n: number): Uint8Array | undefined {
    const slot = this.#first + n;
    const header = slot * HEADER.bytes;
    if (this.#words[(header + HEADER.flags) / 4]! & MSG_TRUNC) return undefined;
    const at = slot * SLOT_BYTES;
    return this.#block.subarray(at, at + this.#words[(header + HEADER.length) / 4]!);
  }

  /** The sender of a datagram of the batch. */
  sender(n: number): Sender {
    const slot = this.#first + n;
    const at = NAMES_AT + slot * NAME_BYTES;
    const key = this.#tables.toString('latin1', at, at + this.#words[(slot * HEADER.bytes + HEADER.nameLength) / 4]!);
    const known = this.#senders.get(key);
    if (known) return known;
    if (this.#senders.size >= MAX_SENDERS) this.#senders.clear();
    const sender = readSender(this.#tables.subarray(at, at + NAME_BYTES));
    this.#senders.set(key, sender);
    return sender;
  }

  /** Another block: the datagrams of this one may be in use. */
  #renew(): void {
    this.#block = Buffer.allocUnsafeSlow(SLOTS * SLOT_BYTES);
    const blockAt = this.#library.addressOf(this.#block);
    for (let slot = 0; slot < SLOTS; slot++) {
      this.#addresses[(VECTORS_AT + slot * VECTOR.bytes + VECTOR.memory) / 8] = blockAt + BigInt(slot * SLOT_BYTES);
      this.#words[(slot * HEADER.bytes + HEADER.nameLength) / 4] = NAME_BYTES; // the system wrote its length there
    }
    this.#next = 0;
  }
}

/** Reads `struct sockaddr_in` or `sockaddr_in6`. */
function readSender(name: Buffer): Sender {
  const port = name.readUInt16BE(2);
  if (name.readUInt16LE(0) === AF_INET) return { address: name.subarray(4, 8).join('.'), port };
  const groups = Array.from({ length: 8 }, (_, n) => name.readUInt16BE(8 + 2 * n).toString(16));
  const { address } = new SocketAddress({ address: groups.join(':'), family: 'ipv6' });
  const isLinkLocal = (name.readUInt16BE(8) & 0xffc0) === 0xfe80;
  return { address: isLinkLocal ? `${address}${zoneOf(name.readUInt32LE(24))}` : address, port };
}

/** The zone of a link-local address, as it is written (RFC 4007 11). */
function zoneOf(scope: number): string {
  const found = Object.entries(networkInterfaces()).find(([, places]) =>
    places?.some((place) => place.family === 'IPv6' && place.scopeid === scope),
  );
  return found ? `%${found[0]}` : '';
}
