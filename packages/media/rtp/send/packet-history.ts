/**
 * The newest packets of one source, for retransmission.
 * In: sent packets, whose payloads other viewers share. Out: a packet by its sequence number. Pure. RFC 4585
 * 6.2.1 (NACK).
 */
import type { RtpPacket, RtpPieces } from '../packet.ts';

export interface SentPacket {
  readonly packet: RtpPacket;
  /** As it was sent. */
  readonly pieces: RtpPieces;
  /** When it was sent last, ms. */
  sentMs: number;
  /** How often it was sent again. */
  resent: number;
}

/** Packets by sequence number, the oldest ones dropped. */
export class PacketHistory {
  readonly #ring: (SentPacket | undefined)[];
  readonly #maxBytes: number;
  /** Sequence numbers of the oldest and the next packet; both count on without wrapping. */
  #first = 0;
  #next = 0;
  #bytes = 0;

  /**
   * @param maxPackets a power of 2, at most 32,768
   * @param maxBytes of payloads
   */
  constructor(maxPackets: number, maxBytes: number) {
    this.#ring = new Array<SentPacket | undefined>(maxPackets);
    this.#maxBytes = maxBytes;
  }

  /** Bytes of the payloads that are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many packets are kept. */
  get size(): number {
    return this.#next - this.#first;
  }

  /** Keeps a packet; its sequence number is that of the packet before and one more. */
  add(packet: RtpPacket, pieces: RtpPieces, sentMs: number): void {
    if (this.size === this.#ring.length) this.#drop();
    if (this.size === 0) this.#first = this.#next = packet.sequence;
    this.#ring[this.#next++ & (this.#ring.length - 1)] = { packet, pieces, sentMs, resent: 0 };
    this.#bytes += packet.payload.length;
    while (this.#bytes > this.#maxBytes && this.size > 1) this.#drop();
  }

  /** The packet with this number; undefined if it is not kept. */
  find(sequence: number): SentPacket | undefined {
    const sent = this.#ring[sequence & (this.#ring.length - 1)];
    return sent?.packet.sequence === sequence ? sent : undefined;
  }

  #drop(): void {
    const at = this.#first++ & (this.#ring.length - 1);
    this.#bytes -= this.#ring[at]?.packet.payload.length ?? 0;
    this.#ring[at] = undefined;
  }
}
