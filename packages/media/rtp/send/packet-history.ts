/**
 * The newest packets of one source, for retransmission.
 * In: sent packets, whose payloads other viewers share. Out: a packet by its sequence number. Pure. RFC 4585
 * 6.2.1 (NACK).
 *
 * The objects of a packet are used again for the one that gets its place: all of them outlive V8's young
 * generation, so thousands of new ones a second cost more than the headers.
 */
import type { RtpPieces } from '../packet.ts';

/** A packet that is kept; its owner fills it. */
export interface SentPacket {
  sequence: number;
  timestamp: number;
  marker: boolean;
  /** As it was sent. */
  readonly pieces: RtpPieces & { payload: Uint8Array };
  /** When it was sent last, ms. */
  sentMs: number;
  /** How often it was sent again. */
  resent: number;
}

const NO_PAYLOAD = new Uint8Array();

/** Packets by sequence number, the oldest ones dropped. */
export class PacketHistory {
  readonly #ring: (SentPacket | undefined)[];
  readonly #maxBytes: number;
  readonly #headerBytes: number;
  /** Sequence numbers of the oldest and the next packet; both count on without wrapping. */
  #first = 0;
  #next = 0;
  #bytes = 0;

  /**
   * @param maxPackets a power of 2, at most 32,768
   * @param maxBytes of payloads
   * @param headerBytes of each packet
   */
  constructor(maxPackets: number, maxBytes: number, headerBytes: number) {
    this.#ring = new Array<SentPacket | undefined>(maxPackets);
    this.#maxBytes = maxBytes;
    this.#headerBytes = headerBytes;
  }

  /** Bytes of the payloads that are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many packets are kept. */
  get size(): number {
    return this.#next - this.#first;
  }

  /**
   * Keeps a packet; its sequence number is that of the packet before and one more.
   *
   * @returns its place, of which the other fields and the header have old values; it is valid until another
   *   packet gets the place
   */
  add(sequence: number, payload: Uint8Array, sentMs: number): SentPacket {
    if (this.size === this.#ring.length) this.#drop();
    if (this.size === 0) this.#first = this.#next = sequence;
    const at = this.#next++ & (this.#ring.length - 1);
    let place = this.#ring[at];
    if (!place) {
      const pieces = { header: new Uint8Array(this.#headerBytes), payload };
      place = { sequence, timestamp: 0, marker: false, pieces, sentMs, resent: 0 };
      this.#ring[at] = place;
    }
    place.sequence = sequence;
    place.pieces.payload = payload;
    place.sentMs = sentMs;
    place.resent = 0;
    this.#bytes += payload.length;
    while (this.#bytes > this.#maxBytes && this.size > 1) this.#drop();
    return place;
  }

  /** The packet with this number; undefined if it is not kept. */
  find(sequence: number): SentPacket | undefined {
    const sent = this.#ring[sequence & (this.#ring.length - 1)];
    return sent?.sequence === sequence ? sent : undefined;
  }

  #drop(): void {
    const place = this.#ring[this.#first++ & (this.#ring.length - 1)];
    if (!place) return;
    this.#bytes -= place.pieces.payload.length;
    place.sequence = -1;
    place.pieces.payload = NO_PAYLOAD;
  }
}
