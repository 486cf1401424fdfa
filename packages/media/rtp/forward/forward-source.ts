/**
 * One source of a participant, as a forwarder reads it: packets in any order, with those that are sent again,
 * and what to report of them.
 * In: packets of the source and of its repair stream. Out: packets with extended numbers; figures for
 * feedback. Pure. RFC 3550 8.2 (SSRC changes), RFC 4588 4 (RTX), RFC 7741 (key frames of VP8).
 */
import type { RtpPacket } from '../packet.ts';
import type { FeedbackInput } from '../receive/feedback.ts';
import { MissingPackets } from '../receive/missing-packets.ts';
import { Reception } from '../receive/reception.ts';
import { SourceLatch } from '../receive/source-latch.ts';
import type { ReceptionReport, RtcpPacket } from '../rtcp.ts';
import { readVp8 } from './vp8-descriptor.ts';

/** The properties of a source. */
export interface ForwardSourceOptions {
  readonly kind: 'video' | 'audio';
  readonly clockRate: number;
  readonly payloadType: number;
  /** Of packets that are sent again; undefined: they come as they were. */
  readonly repairPayloadType: number | undefined;
  /** SSRCs of the session description: media, then repair; may be empty. */
  readonly sources: readonly number[];
  /** The sender answers NACK. */
  readonly canRepeat: boolean;
  /** Counts packets beyond the rate, late and repeated ones. */
  readonly counts: { dropped: number };
}

export interface ForwardPacket {
  readonly packet: RtpPacket;
  /** Its sequence number without wraps. */
  readonly extended: number;
  /** Numbers and timestamps continue within an epoch only. */
  readonly epoch: number;
  /** The first packet of a key frame; every packet of audio. */
  readonly isEntry: boolean;
}

/** Packets that are kept for receivers that lost them; a power of 2. */
const KEPT = { video: 512, audio: 128 } as const;
/** A larger step of the sequence numbers is another epoch. */
const MAX_STEP = 3000;
/**
 * Packets per second, and at once: 8 Mbps of pictures, sound in frames of 10 ms. More are dropped and
 * counted.
 */
const RATES = { video: { perSecond: 1000, burst: 1000 }, audio: { perSecond: 150, burst: 150 } } as const;

/** Reads one source. */
export class ForwardSource implements FeedbackInput {
  readonly kind: 'video' | 'audio';
  readonly clockRate: number;
  /** A receiver waits for a key frame. */
  needsKey = false;
  readonly #options: ForwardSourceOptions;
  readonly #latch: SourceLatch;
  readonly #repairLatch: SourceLatch;
  readonly #ring: (ForwardPacket | undefined)[];
  #reception: Reception;
  #missing: MissingPackets;
  #epoch = 0;
  #highest: number | undefined;
  #ticks: number | undefined;
  #lastReport: { readonly ntpMiddle: number; readonly atMs: number } | undefined;
  #budget: number;
  #budgetMs: number | undefined;

  constructor(options: ForwardSourceOptions) {
    const { kind, clockRate, sources } = options;
    this.#options = options;
    this.kind = kind;
    this.clockRate = clockRate;
    this.#latch = new SourceLatch(sources.slice(0, 1));
    this.#repairLatch = new SourceLatch(sources.slice(1, 2));
    this.#ring = new Array<ForwardPacket | undefined>(KEPT[kind]);
    this.#reception = new Reception(clockRate);
    this.#missing = new MissingPackets(options.canRepeat);
    this.#budget = RATES[kind].burst;
  }

  /** The current source; undefined before its first packet. */
  get source(): number | undefined {
    return this.#latch.current;
  }

  /** Takes a packet. @returns undefined: it is not forwarded */
  push(packet: RtpPacket, nowMs: number): ForwardPacket | undefined {
    const { payloadType, repairPayloadType } = this.#options;
    if (packet.payloadType === payloadType) {
      const verdict = this.#latch.take(packet.ssrc, nowMs);
      if (verdict === 'stranger') return undefined;
      if (verdict === 'new') this.#begin();
      return this.#take(packet, nowMs, false);
    }
    if (packet.payloadType !== repairPayloadType) return undefined;
    const original = this.#latch.current;
    // Padding that probes the bandwidth has no original.
    if (original === undefined || packet.payload.length < 3) return undefined;
    if (this.#repairLatch.take(packet.ssrc, nowMs) === 'stranger') return undefined;
    const { payload } = packet;
    const sequence = (payload[0]! << 8) | payload[1]!;
    return this.#take({ ...packet, payloadType, sequence, ssrc: original, payload: payload.subarray(2) }, nowMs, true);
  }

  /** A packet that is still kept. */
  find(extended: number, epoch: number): RtpPacket | undefined {
    const kept = this.#ring[extended & (this.#ring.length - 1)];
    return kept?.extended === extended && kept.epoch === epoch ? kept.packet : undefined;
  }

  /** A sender report of this source. */
  report({ ntpMiddle }: Extract<RtcpPacket, { type: 'senderReport' }>, nowMs: number): void {
    this.#lastReport = { ntpMiddle, atMs: nowMs };
  }

  /** See FeedbackInput. */
  nacks(nowMs: number): number[] {
    return this.#missing.take(nowMs, this.#reception.jitterMs).map((extended) => extended & 0xffff);
  }

  /** See FeedbackInput. */
  receptionReport(nowMs: number): ReceptionReport | undefined {
    const ssrc = this.#latch.current;
    if (ssrc === undefined || this.#highest === undefined) return undefined;
    const last = this.#lastReport;
    const delay = last ? Math.min(0xffff_ffff, Math.round((nowMs - last.atMs) * 65.536)) : 0;
    return { ssrc, ...this.#reception.take(), lastReport: last?.ntpMiddle ?? 0, delay };
  }

  #take(packet: RtpPacket, nowMs: number, isAnswer: boolean): ForwardPacket | undefined {
    if (!this.#mayTake(nowMs)) return undefined;
    // Packets without payload probe the bandwidth: they have a number, and nothing else.
    let extended = this.#extend(packet.sequence);
    const step = this.#highest === undefined ? 1 : extended - this.#highest;
    if (Math.abs(step) > MAX_STEP) {
      if (isAnswer) return undefined;
      this.#begin();
      extended = this.#extend(packet.sequence);
    }
    const slot = extended & (this.#ring.length - 1);
    const isLate = this.#highest !== undefined && extended <= this.#highest - this.#ring.length;
    if (isLate || this.#ring[slot]?.extended === extended) {
      this.#options.counts.dropped++;
      return undefined;
    }
    if (this.#highest !== undefined && extended > this.#highest + 1) {
      this.#missing.add(this.#highest + 1, extended, nowMs);
      this.#missing.forgetBefore(extended - this.#ring.length);
    }
    this.#missing.arrived(extended, nowMs, isAnswer);
    this.#highest = Math.max(this.#highest ?? extended, extended);
    this.#reception.add(extended, isAnswer ? undefined : this.#extendTicks(packet.timestamp), nowMs);
    const isEntry = this.kind === 'audio' || readVp8(packet.payload)?.isKeyStart === true;
    const forward = { packet, extended, epoch: this.#epoch, isEntry };
    this.#ring[slot] = forward;
    return forward;
  }

  #begin(): void {
    this.#epoch++;
    this.#highest = undefined;
    this.#ticks = undefined;
    this.#lastReport = undefined;
    this.#ring.fill(undefined);
    this.#repairLatch.release();
    this.#reception = new Reception(this.clockRate);
    this.#missing = new MissingPackets(this.#options.canRepeat);
  }

  #mayTake(nowMs: number): boolean {
    const { perSecond, burst } = RATES[this.kind];
    const elapsedMs = nowMs - (this.#budgetMs ?? nowMs);
    this.#budgetMs = nowMs;
    this.#budget = Math.min(burst, this.#budget + (elapsedMs * perSecond) / 1000);
    if (this.#budget < 1) {
      this.#options.counts.dropped++;
      return false;
    }
    this.#budget--;
    return true;
  }

  /** The number nearest to the highest one; numbers begin above 2^16, so that late ones are positive. */
  #extend(sequence: number): number {
    const last = this.#highest ?? 0x10000 + sequence;
    return last + (((sequence - last) << 16) >> 16);
  }

  #extendTicks(timestamp: number): number {
    const last = this.#ticks ?? timestamp;
    this.#ticks = last + ((timestamp - last) | 0);
    return this.#ticks;
  }
}
