/**
 * Puts the packets of one source in order: duplicates, late packets and holes.
 * In: packets as they arrive. Out: packets in the order of their sequence numbers, with a call of `lost`
 * where some are missing. A hole is waited for up to a deadline. Pure. RFC 3550 A.1 (sequence numbers);
 * docs/media.md 30.
 */
import type { RtpPacket } from '../packet.ts';
import { MissingPackets } from './missing-packets.ts';
import { Reception } from './reception.ts';

/** A step forward of more packets is a restart of the sender, if the next packet follows it. */
const MAX_DROPOUT = 3000;
/** A packet this far back is late; one further back is a restart. */
const MAX_MISORDER = 1000;
const MAX_PACKETS = 4096;
const MAX_BYTES = 16 * 1024 * 1024;
/** The cost of a packet without its payload, bytes. */
const PACKET_BYTES = 200;

/** Receives packets in order. */
interface ReceiveOutput {
  packet(packet: RtpPacket, arrivalMs: number): void;
  /** Packets are missing before the next one. */
  lost(): void;
}

/** Options of a buffer. */
export interface ReceiveOptions {
  /** Ticks per second. */
  readonly clockRate: number;
  /** The sender repeats packets that are requested. */
  readonly canRequest: boolean;
  /** Most packets and bytes that wait for a missing one; 4,096 and 16 MiB if absent. */
  readonly maxPackets?: number;
  readonly maxBytes?: number;
}

interface Waiting {
  readonly packet: RtpPacket;
  readonly arrivalMs: number;
}

/** The packets of one SSRC. */
export class ReceiveBuffer {
  readonly reception: Reception;
  readonly missing: MissingPackets;
  readonly #out: ReceiveOutput;
  readonly #maxPackets: number;
  readonly #maxBytes: number;
  readonly #waiting = new Map<number, Waiting>();
  #bytes = 0;
  /** Extended number of the next packet to release; undefined before the first. */
  #next: number | undefined;
  #highest = 0;
  /** A number far from the others: if the next packet follows it, the sender has restarted. */
  #suspect: number | undefined;
  #timestamp: number | undefined;
  #late = 0;
  #duplicates = 0;
  #givenUp = 0;
  #repaired = 0;

  constructor({ clockRate, canRequest, maxPackets, maxBytes }: ReceiveOptions, out: ReceiveOutput) {
    this.#out = out;
    this.reception = new Reception(clockRate);
    this.missing = new MissingPackets(canRequest);
    this.#maxPackets = maxPackets ?? MAX_PACKETS;
    this.#maxBytes = maxBytes ?? MAX_BYTES;
  }

  /**
   * Packets that arrived after their deadline, repeated packets, packets that were not waited for any longer,
   * and packets that came in time only because they were sent again.
   */
  get counts(): Readonly<Record<'late' | 'duplicates' | 'givenUp' | 'repaired', number>> {
    return { late: this.#late, duplicates: this.#duplicates, givenUp: this.#givenUp, repaired: this.#repaired };
  }

  /** Packets that wait for a missing one. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Takes a packet.
   *
   * @param isRepeated it was sent again, RFC 4588
   */
  push(packet: RtpPacket, nowMs: number, isRepeated = false): void {
    const sequence = this.#extend(packet.sequence, isRepeated);
    if (sequence === undefined) return;
    const next = this.#next!;
    const isAnswer = isRepeated || this.missing.wasRequested(sequence);
    this.reception.add(sequence, isAnswer ? undefined : this.#extendTimestamp(packet.timestamp), nowMs);
    this.missing.arrived(sequence, nowMs, isRepeated);
    if (sequence < next) {
      this.#late++;
      return;
    }
    if (this.#waiting.has(sequence)) {
      this.#duplicates++;
      return;
    }
    if (isRepeated) this.#repaired++;
    if (sequence === next && this.#waiting.size === 0) {
      this.#highest = Math.max(this.#highest, sequence);
      this.#next = sequence + 1;
      this.#out.packet(packet, nowMs);
      return;
    }
    if (sequence > this.#highest + 1) this.missing.add(Math.max(next, this.#highest + 1), sequence, nowMs);
    this.#highest = Math.max(this.#highest, sequence);
    this.#waiting.set(sequence, { packet, arrivalMs: nowMs });
    this.#bytes += packet.payload.length + PACKET_BYTES;
    this.#release();
    while (this.#waiting.size > this.#maxPackets || this.#bytes > this.#maxBytes) this.#skip();
  }

  /** Time passes: gives up packets whose deadline is over. */
  tick(nowMs: number): void {
    while (this.#waiting.size > 0 && this.missing.isOver(this.#next!, nowMs, this.reception.jitterMs)) this.#skip();
  }

  /** Numbers to request now, 16 bits, in order. */
  nacks(nowMs: number): number[] {
    return this.missing.take(nowMs, this.reception.jitterMs).map((sequence) => sequence & 0xffff);
  }

  /** The source ends: releases everything. */
  flush(): void {
    while (this.#waiting.size > 0) this.#skip();
  }

  /** The number with its wraps, or undefined for a packet that is not taken. */
  #extend(sequence: number, isRepeated: boolean): number | undefined {
    if (this.#next === undefined) {
      if (isRepeated) return undefined;
      return this.#begin(sequence + 0x10000);
    }
    const distance = ((sequence - this.#highest) << 16) >> 16;
    if (distance <= MAX_DROPOUT && distance >= -MAX_MISORDER) {
      if (!isRepeated) this.#suspect = undefined;
      return this.#highest + distance;
    }
    if (isRepeated) return undefined;
    if (sequence !== this.#suspect) {
      this.#suspect = (sequence + 1) & 0xffff;
      this.#late++;
      return undefined;
    }
    this.flush();
    this.#out.lost();
    // Later than all numbers so far: the highest number of reports never goes back.
    const wraps = Math.floor(this.#highest / 0x10000) + (sequence > (this.#highest & 0xffff) ? 0 : 1);
    return this.#begin(wraps * 0x10000 + sequence);
  }

  #begin(sequence: number): number {
    this.missing.clear();
    this.#suspect = undefined;
    this.#next = sequence;
    this.#highest = sequence - 1;
    return sequence;
  }

  #extendTimestamp(timestamp: number): number {
    const last = this.#timestamp ?? timestamp;
    const extended = last + ((timestamp - last) | 0);
    this.#timestamp = extended;
    return extended;
  }

  #release(): void {
    for (let waiting = this.#take(); waiting; waiting = this.#take()) {
      this.#out.packet(waiting.packet, waiting.arrivalMs);
    }
  }

  #take(): Waiting | undefined {
    const waiting = this.#waiting.get(this.#next!);
    if (!waiting) return undefined;
    this.#waiting.delete(this.#next!);
    this.#bytes -= waiting.packet.payload.length + PACKET_BYTES;
    this.#next!++;
    return waiting;
  }

  /** Gives up the hole before the first waiting packet. */
  #skip(): void {
    const from = this.#next!;
    let to = Number.POSITIVE_INFINITY;
    for (const sequence of this.#waiting.keys()) to = Math.min(to, sequence);
    this.#next = to;
    this.missing.forgetBefore(to);
    if (to > from) {
      this.#givenUp += to - from;
      this.#out.lost();
    }
    this.#release();
  }
}
