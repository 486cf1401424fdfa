/**
 * The sending half of a connection: keeps packets until they are acknowledged or too late, and sends lost
 * ones again.
 * In: payloads of the owner; acknowledgements and loss reports of the peer. Out: data packets.
 * draft-sharabayko-srt-01 4.6, 4.8, 5.1.
 */
import type { SrtEncryption } from '../encryption/encryption.ts';
import { HEADER_BYTES, keyFlag, markRetransmitted, writeDataHeader } from '../packet/header.ts';
import { sequenceOf } from '../packet/sequence.ts';
import { Pacing } from './pacing.ts';
import type { RoundTrip } from './round-trip.ts';

/** Callbacks of the sender. */
interface SenderOutput {
  /**
   * Sends a data packet; the bytes stay unchanged until they are acknowledged, except for the retransmission
   * bit.
   */
  transmit(packet: Uint8Array): void;
  /** Packets `[from, to)` will not be sent again, although the peer reported them. */
  dropped(from: number, to: number): void;
}

/** Constants of a connection. */
interface SenderOptions {
  readonly initialSequence: number;
  /** Socket id of the peer. */
  readonly destination: number;
  /** Start of the connection, µs: timestamp 0. */
  readonly startUs: number;
  /** Age at which packets are dropped, µs. */
  readonly dropAfterUs: number;
  readonly maxPackets: number;
  readonly maxBytes: number;
  /** Bytes per second; undefined follows the input. */
  readonly maxBytesPerSecond: number | undefined;
  /** Flow window of the peer's handshake, packets. */
  readonly flowWindow: number;
  /** Whether the peer repeats its loss reports. */
  readonly hasPeriodicNak: boolean;
  readonly encryption: SrtEncryption | undefined;
}

/** Counters of a sender, as in `SrtStats`. */
interface SenderCounters {
  sent: number;
  sentBytes: number;
  queuedBytes: number;
  sendLost: number;
  retransmitted: number;
  sendDropped: number;
  invalidReports: number;
}

const FIRST_SLOTS = 256;

interface Slot {
  packet: Uint8Array;
  /** µs, when the owner queued it. */
  queuedUs: number;
  /** µs. */
  sentUs: number;
  isRetransmitted: boolean;
  /** Whether it is in the list of packets to send again. */
  isLost: boolean;
}

/** Sends the packets of one connection. Times are µs of the connection's clock. */
export class SrtSender {
  readonly counters: SenderCounters = {
    sent: 0,
    sentBytes: 0,
    queuedBytes: 0,
    sendLost: 0,
    retransmitted: 0,
    sendDropped: 0,
    invalidReports: 0,
  };
  /** Index of the oldest packet that is kept. */
  first = 0;
  /** Index of the next packet to send the first time. */
  next = 0;
  /** Index after the newest packet. */
  end = 0;
  readonly #options: SenderOptions;
  readonly #output: SenderOutput;
  readonly #roundTrip: RoundTrip;
  readonly #pacing: Pacing;
  #slots: (Slot | undefined)[] = new Array(FIRST_SLOTS).fill(undefined);
  #mask = FIRST_SLOTS - 1;
  #bytes = 0;
  /** Indexes to send again; the ones before `#lostAt` are done. */
  #lost: number[] = [];
  #lostAt = 0;
  #window: number;
  /** Index up to which everything was acknowledged, not dropped. */
  #acknowledged = 0;
  #progressUs: number;
  #probes = 0;

  constructor(options: SenderOptions, roundTrip: RoundTrip, nowUs: number, output: SenderOutput) {
    this.#options = options;
    this.#roundTrip = roundTrip;
    this.#output = output;
    this.#pacing = new Pacing(options.maxBytesPerSecond, nowUs);
    this.#window = options.flowWindow;
    this.#progressUs = nowUs;
  }

  /** Packets sent and not acknowledged. */
  get flight(): number {
    return this.next - this.first;
  }

  /** Packets in the buffer. */
  get buffered(): number {
    return this.end - this.first;
  }

  /** Age of the oldest packet in the buffer, µs. */
  ageUs(nowUs: number): number {
    return this.end > this.first ? nowUs - this.#slots[this.first & this.#mask]!.queuedUs : 0;
  }

  /** Queues a payload, and sends it if rate and window allow. Returns false if the buffer is full. */
  send(payload: Uint8Array, nowUs: number): boolean {
    const { options, counters } = { options: this.#options, counters: this.counters };
    if (this.buffered >= options.maxPackets || this.#bytes + payload.length > options.maxBytes) {
      counters.sendDropped++;
      return false;
    }
    const index = this.end;
    if (index - this.first >= this.#slots.length) this.#grow();
    const sequence = sequenceOf(options.initialSequence, index);
    const packet = Buffer.allocUnsafe(HEADER_BYTES + payload.length);
    packet.set(payload, HEADER_BYTES);
    writeDataHeader(packet, {
      sequence,
      message: (index % 0x03ff_ffff) + 1,
      key: options.encryption?.sendKey ?? keyFlag.none,
      timestamp: nowUs - options.startUs,
      destination: options.destination,
    });
    options.encryption?.encrypt(sequence, packet, HEADER_BYTES, packet.length);
    this.#slots[index & this.#mask] = { packet, queuedUs: nowUs, sentUs: 0, isRetransmitted: false, isLost: false };
    this.#bytes += payload.length;
    this.end++;
    counters.queuedBytes += payload.length;
    if (index === this.first) this.#progressUs = nowUs;
    this.#pacing.queue(packet.length, nowUs);
    this.pump(nowUs);
    return true;
  }

  /** Sends as much as rate and window allow: lost packets first. */
  pump(nowUs: number): void {
    if (this.#lostAt === this.#lost.length && this.next === this.end) return;
    const pacing = this.#pacing;
    pacing.refill(nowUs);
    while (pacing.allows) {
      if (this.#retransmitNext(nowUs)) continue;
      if (this.next >= this.end || this.flight >= this.#window) return;
      const slot = this.#slots[this.next & this.#mask]!;
      this.next++;
      slot.sentUs = nowUs;
      this.counters.sent++;
      this.counters.sentBytes += slot.packet.length - HEADER_BYTES;
      pacing.spend(slot.packet.length);
      this.#output.transmit(slot.packet);
    }
  }

  /**
   * Takes an acknowledgement.
   *
   * @param index the first packet that is not acknowledged
   * @param available packets that the peer has room for; undefined if it did not say
   * @returns false if it acknowledges packets that were never sent
   */
  acknowledge(index: number, available: number | undefined, nowUs: number): boolean {
    if (index > this.next || index < 0) {
      this.counters.invalidReports++;
      return false;
    }
    if (index > this.#acknowledged) {
      this.#acknowledged = index;
      this.#progressUs = nowUs;
      this.#probes = 0;
      this.#release(index);
    }
    if (available !== undefined) this.#window = Math.min(this.#options.flowWindow, Math.max(2, available));
    this.pump(nowUs);
    return true;
  }

  /**
   * Takes one range of a loss report: packets `[from, to)`.
   *
   * @returns false if it names packets that were never sent
   */
  reportLost(from: number, to: number, nowUs: number): boolean {
    if (to > this.next || from >= to || from < 0) {
      this.counters.invalidReports++;
      return false;
    }
    const gone = Math.min(to, this.first);
    if (from < gone && gone > this.#acknowledged) this.#output.dropped(Math.max(from, this.#acknowledged), gone);
    // A packet sent again less than a round trip ago is still on its way.
    const recentUs = nowUs - Math.max(0, this.#roundTrip.rttUs - 4 * this.#roundTrip.varianceUs);
    for (let index = Math.max(from, this.first); index < to; index++) {
      const slot = this.#slots[index & this.#mask]!;
      if (slot.isLost || (slot.isRetransmitted && slot.sentUs > recentUs)) continue;
      slot.isLost = true;
      this.#lost.push(index);
      this.counters.sendLost++;
    }
    return true;
  }

  /** Drops packets that are too late, probes a silent peer, and sends what is due. */
  tick(nowUs: number): void {
    this.#dropLate(nowUs);
    this.#probe(nowUs);
    this.pump(nowUs);
  }

  /** Releases all buffers. */
  close(): void {
    this.#slots = [];
    this.#lost = [];
    this.#lostAt = 0;
    this.first = this.next = this.end;
  }

  #retransmitNext(nowUs: number): boolean {
    while (this.#lostAt < this.#lost.length) {
      const index = this.#lost[this.#lostAt++]!;
      if (this.#lostAt === this.#lost.length) {
        this.#lost.length = 0;
        this.#lostAt = 0;
      }
      if (index < this.first) continue;
      const slot = this.#slots[index & this.#mask]!;
      slot.isLost = false;
      slot.isRetransmitted = true;
      slot.sentUs = nowUs;
      markRetransmitted(slot.packet);
      this.counters.retransmitted++;
      this.#pacing.spend(slot.packet.length);
      this.#output.transmit(slot.packet);
      return true;
    }
    return false;
  }

  #release(index: number): void {
    while (this.first < index) {
      const at = this.first & this.#mask;
      this.#bytes -= this.#slots[at]!.packet.length - HEADER_BYTES;
      this.#slots[at] = undefined;
      this.first++;
    }
  }

  #dropLate(nowUs: number): void {
    const before = nowUs - this.#options.dropAfterUs;
    let index = this.first;
    while (index < this.end && this.#slots[index & this.#mask]!.queuedUs < before) index++;
    if (index === this.first) return;
    this.counters.sendDropped += index - this.first;
    this.#release(index);
    this.next = Math.max(this.next, index);
  }

  /**
   * The peer cannot report the loss of the last packets: nothing follows them. Without progress for more than
   * a round trip, the last packet is sent again, and reveals the others; a peer that does not repeat its
   * reports gets all of them again.
   */
  #probe(nowUs: number): void {
    if (this.flight === 0 || this.#lost.length > 0) return;
    const { rttUs, varianceUs } = this.#roundTrip;
    if (nowUs - this.#progressUs < (rttUs + 4 * varianceUs + 50_000) * (this.#probes + 1)) return;
    this.#progressUs = nowUs;
    this.#probes++;
    const from = this.#options.hasPeriodicNak ? this.next - 1 : this.first;
    for (let index = from; index < this.next; index++) {
      const slot = this.#slots[index & this.#mask]!;
      if (slot.isLost) continue;
      slot.isLost = true;
      this.#lost.push(index);
    }
  }

  #grow(): void {
    const length = this.#slots.length * 2;
    const slots: (Slot | undefined)[] = new Array(length).fill(undefined);
    for (let index = this.first; index < this.end; index++)
      slots[index & (length - 1)] = this.#slots[index & this.#mask];
    this.#slots = slots;
    this.#mask = length - 1;
  }
}
