/**
 * Splits bytes into transport packets, and resynchronizes after a loss of sync.
 * In: pieces of any size, also with 4 bytes before each packet (M2TS) or 16 after it (Reed-Solomon).
 * Out: calls of `packets`, each with packets of 188 bytes that are valid only during the call. ISO/IEC
 * 13818-1, 2.4.3.2 and G.1; ETSI EN 300 429, 4.4.2.
 */
import { FormatError } from '../errors.ts';

/** Length of a transport packet, bytes. */
export const PACKET_BYTES = 188;
/** The first byte of each. */
export const SYNC = 0x47;
/** Distances of packets: plain, with a timestamp before each (M2TS), with parity after each. */
const STRIDES = [PACKET_BYTES, 192, 204] as const;
/** Bytes before the first packet of M2TS. */
const TIME_STAMP_BYTES = 4;
/** Sync bytes in a row, one stride apart, that count as sync. */
const SYNCS_IN_A_ROW = 3;
const LOOK_AHEAD = 204 * (SYNCS_IN_A_ROW - 1) + 1;
/** Bytes without any packet after which the input is not MPEG-TS. */
const MAX_UNSYNCED_BYTES = 65_536;

const WINDOW_BYTES = 64 * 204;
// Used within one call only, so all splitters share it.
const window = new Uint8Array(WINDOW_BYTES);

/** Receives packets. */
interface PacketSink {
  /**
   * Takes the packets that begin at `from` and one stride after the other, before `limit`, up to the first
   * place without a sync byte. All of them are whole; the bytes are valid only during the call.
   *
   * @returns where the first one begins that it did not take
   */
  packets(bytes: Uint8Array, from: number, limit: number, stride: number): number;
  /** The sync was lost. */
  damage(reason: string): void;
}

/** Splits bytes into packets, independently of the pieces in which they arrive. */
export class PacketSplitter {
  readonly #sink: PacketSink;
  /** Rest of earlier pushes, with room for the beginning of the next. */
  readonly #carry = new Uint8Array(2 * LOOK_AHEAD);
  #carried = 0;
  #synced = false;
  /** Bytes from one packet to the next, as last found. */
  #stride: number = PACKET_BYTES;
  /** Whether any packet was found yet. */
  #everSynced = false;
  #skipped = 0;

  constructor(sink: PacketSink) {
    this.#sink = sink;
  }

  /**
   * @param bytes not kept
   * @throws FormatError if 64 KiB passed without a first packet
   */
  push(bytes: Uint8Array): void {
    let from = 0;
    if (this.#carried > 0) {
      const carried = this.#carried;
      const head = Math.min(bytes.length, LOOK_AHEAD);
      this.#carry.set(head === bytes.length ? bytes : bytes.subarray(0, head), carried);
      const size = carried + head;
      const isWhole = head === bytes.length;
      const at = this.#consume(this.#carry, 0, size, isWhole ? size : carried, false);
      if (isWhole) {
        this.#carry.copyWithin(0, at, size);
        this.#carried = size - at;
        return;
      }
      from = at - carried;
      this.#carried = 0;
    }
    while (from < bytes.length) {
      if (((bytes.byteOffset + from) & 3) === 0) {
        from = this.#consume(bytes, from, bytes.length, bytes.length, false);
        break;
      }
      // Packets on multiples of 4 are copied in words later; that saves more than this costs.
      const size = Math.min(bytes.length - from, WINDOW_BYTES);
      window.set(bytes.subarray(from, from + size));
      const last = from + size === bytes.length;
      from += this.#consume(window, 0, size, last ? size : size - LOOK_AHEAD, false);
      if (last) break;
    }
    this.#carried = bytes.length - from;
    if (this.#carried > 0) this.#carry.set(bytes.subarray(from), 0);
  }

  /**
   * The input ended at a boundary: outputs the last packet if it is complete. The next bytes begin with a new
   * sync.
   */
  flush(): void {
    const at = this.#consume(this.#carry, 0, this.#carried, this.#carried, true);
    const left = Math.max(0, this.#carried - at);
    if (this.#synced && left > this.#stride - PACKET_BYTES)
      this.#sink.damage(`a transport packet was cut off after ${left} bytes`);
    else if (!this.#synced && this.#skipped + left > 0)
      this.#sink.damage(`no transport packet in ${this.#skipped + left} bytes`);
    this.#carried = 0;
    this.#synced = false;
    this.#skipped = 0;
  }

  /** Delivers packets that start in [at, limit); returns the first byte that must wait for more. */
  #consume(bytes: Uint8Array, from: number, size: number, limit: number, last: boolean): number {
    let at = from;
    while (at < limit) {
      if (!this.#synced) {
        at = this.#seek(bytes, at, size, limit, last);
        if (!this.#synced) return at;
      }
      const stride = this.#stride;
      const whole = last ? PACKET_BYTES : stride;
      at = this.#sink.packets(bytes, at, Math.min(limit, size - whole + 1), stride);
      if (at >= limit || bytes[at] === SYNC) return at;
      this.#synced = false;
    }
    return at;
  }

  /** Finds the next confirmed sync byte in [from, limit). */
  #seek(bytes: Uint8Array, from: number, size: number, limit: number, last: boolean): number {
    let at = from;
    for (; at < limit; at++) {
      const syncAt = bytes[at] === SYNC ? at : bytes.indexOf(SYNC, at);
      if (syncAt < 0 || syncAt >= limit) {
        at = limit;
        break;
      }
      at = syncAt;
      if (!last && at + LOOK_AHEAD > size) break;
      const stride = this.#strideAt(bytes, at, size);
      if (stride !== undefined) {
        this.#lock(at - from, stride);
        return at;
      }
    }
    this.#pass(at - from);
    return at;
  }

  #pass(bytes: number): void {
    this.#skipped += bytes;
    if (this.#everSynced || this.#skipped <= MAX_UNSYNCED_BYTES) return;
    throw new FormatError(`no MPEG-TS packet in the first ${MAX_UNSYNCED_BYTES} bytes`, 0);
  }

  /** Distance of the packets if one begins at `at`; the previous distance if several are possible. */
  #strideAt(bytes: Uint8Array, at: number, size: number): number | undefined {
    if (isSync(bytes, at, size, this.#stride)) return this.#stride;
    return STRIDES.find((stride) => isSync(bytes, at, size, stride));
  }

  #lock(passed: number, stride: number): void {
    this.#pass(passed);
    this.#stride = stride;
    // Between M2TS packets is the timestamp of the next one.
    if (this.#skipped > (stride === 192 ? TIME_STAMP_BYTES : 0))
      this.#sink.damage(`sync lost, ${this.#skipped} bytes stepped over`);
    this.#skipped = 0;
    this.#synced = true;
    this.#everSynced = true;
  }
}

function isSync(bytes: Uint8Array, at: number, size: number, stride: number): boolean {
  if (at + PACKET_BYTES > size) return false;
  for (let i = 1; i < SYNCS_IN_A_ROW; i++) {
    const next = at + i * stride;
    if (next < size && bytes[next] !== SYNC) return false;
  }
  return true;
}
