/**
 * Sends the control packets of a connection.
 * In: types and bodies. Out: packets with their header and timestamp. draft-sharabayko-srt-01 3.2.
 */
import { HEADER_BYTES, writeControlHeader } from '../packet/header.ts';

/** Where control packets go. */
interface ControlTarget {
  /** µs of the connection's clock. */
  now(): number;
  /** Timestamp 0 of this side, µs. */
  readonly startUs: number;
  /** Socket id of the peer. */
  readonly destination: number;
  transmit(packet: Uint8Array): void;
}

/** Writes headers and sends. */
export class ControlWriter {
  readonly #target: ControlTarget;

  constructor(target: ControlTarget) {
    this.#target = target;
  }

  /** Sends a packet whose body is `padding` bytes of 0; libsrt expects at least 4 bytes for some types. */
  sendEmpty(type: number, specific: number, padding: number): void {
    this.finish(Buffer.alloc(HEADER_BYTES + padding), type, 0, specific);
  }

  /** Sends a packet with a body, which is copied. */
  sendBody(type: number, subtype: number, body: Uint8Array): void {
    const packet = Buffer.allocUnsafe(HEADER_BYTES + body.length);
    packet.set(body, HEADER_BYTES);
    this.finish(packet, type, subtype, 0);
  }

  /** Writes the header before a body that is in place, and sends the packet. */
  finish(packet: Uint8Array, type: number, subtype: number, specific: number): void {
    const { startUs, destination } = this.#target;
    writeControlHeader(packet, type, subtype, specific, this.#target.now() - startUs, destination);
    this.#target.transmit(packet);
  }
}
