/**
 * One stream that a receiver gets, whatever source it comes from: to the receiver it is one source that never
 * changes.
 * In: packets of the source that the slot is assigned to. Out: packets with the SSRC, numbers and timestamps
 * of the slot. Pure. RFC 3550 7.1 (translators), RFC 7741 4.2 (numbers of pictures);
 * docs/decisions/0048-one-connection-with-slots.md.
 */
import { type PacketExtensions, printRtpPieces, type RtpPacket, type RtpPieces } from '../packet.ts';
import { printSenderReport, type RtcpPacket } from '../rtcp.ts';
import type { ForwardPacket, ForwardSource } from './forward-source.ts';
import { readVp8, shiftVp8, type Vp8Shift } from './vp8-descriptor.ts';

/** The properties of a slot. */
export interface ForwardSlotOptions {
  readonly kind: 'video' | 'audio';
  readonly mid: string;
  readonly ssrc: number;
  readonly payloadType: number;
  readonly clockRate: number;
  /** Random, 0 to 32,767: RFC 3711 3.3.1. */
  readonly firstSequence: number;
  /** Random, 32 bits. */
  readonly firstTimestamp: number;
  /** Header extensions of each packet, constant. */
  readonly extensions: PacketExtensions | undefined;
  /** CNAME, ASCII. */
  readonly name: string;
}

/** How packets of a source are changed: from one entry (a key frame) to the next assignment or epoch. */
interface Mapping {
  readonly epoch: number;
  /** Numbers of the first packet at the source and in the slot. */
  readonly from: number;
  readonly to: number;
  /** Added to timestamps, modulo 2^32. */
  readonly ticks: number;
  readonly shift: Vp8Shift;
}

/** Packets that were lost may be sent again up to this share of the traffic, and this many bytes at once. */
const RESEND_SHARE = 0.5;
const RESEND_BURST_BYTES = 64 * 1024;
/** Between two sources: the shortest distance of timestamps, ms. */
const LEAST_STEP_MS = 20;

export class ForwardSlot {
  readonly kind: 'video' | 'audio';
  readonly mid: string;
  readonly ssrc: number;
  readonly clockRate: number;
  readonly stats = { packets: 0, bytes: 0, resent: 0 };
  readonly #options: ForwardSlotOptions;
  #source: ForwardSource | undefined;
  #isPaused = false;
  #mapping: Mapping | undefined;
  /** Of the newest packet, without wraps. */
  #highest: number;
  #timestamp: number;
  #sentMs: number | undefined;
  /** The newest numbers of pictures. */
  #picture = 0;
  #layer = 0;
  #resendBytes = RESEND_BURST_BYTES;

  constructor(options: ForwardSlotOptions) {
    const { kind, mid, ssrc, clockRate } = options;
    this.#options = options;
    this.kind = kind;
    this.mid = mid;
    this.ssrc = ssrc;
    this.clockRate = clockRate;
    this.#highest = options.firstSequence - 1;
    this.#timestamp = options.firstTimestamp;
  }

  /** The source that it forwards. */
  get source(): ForwardSource | undefined {
    return this.#source;
  }

  /** It sends nothing before the next key frame of its source. */
  get waitsForKey(): boolean {
    return this.kind === 'video' && this.#source !== undefined && !this.#isPaused && this.#mapping === undefined;
  }

  /** Its network does not carry it: nothing is sent. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  set isPaused(isPaused: boolean) {
    if (isPaused !== this.#isPaused) this.#mapping = undefined;
    this.#isPaused = isPaused;
  }

  /** Sends another source from its next key frame on; undefined: nothing. */
  assign(source: ForwardSource | undefined): void {
    if (source === this.#source) return;
    this.#source = source;
    this.#mapping = undefined;
  }

  /** The packet for the receiver; undefined: it is not sent. @param nowMs monotonic */
  forward(incoming: ForwardPacket, nowMs: number): RtpPieces | undefined {
    if (this.#isPaused) return undefined;
    if (this.#mapping?.epoch !== incoming.epoch) this.#mapping = undefined;
    if (!this.#mapping) {
      if (!incoming.isEntry) return undefined;
      this.#mapping = this.#enter(incoming, nowMs);
    }
    const { from, to } = this.#mapping;
    // Older than the entry: the receiver has no place for it.
    if (incoming.extended < from) return undefined;
    const number = to + incoming.extended - from;
    const pieces = this.#print(incoming.packet, number, this.#mapping);
    if (number > this.#highest) {
      this.#highest = number;
      this.#timestamp = (incoming.packet.timestamp + this.#mapping.ticks) >>> 0;
      this.#sentMs = nowMs;
      this.#remember(incoming.packet, this.#mapping);
    }
    this.stats.packets++;
    this.stats.bytes += incoming.packet.payload.length;
    this.#resendBytes = Math.min(RESEND_BURST_BYTES, this.#resendBytes + incoming.packet.payload.length * RESEND_SHARE);
    return pieces;
  }

  /** The answer to a NACK: the same bytes as before. Unknown numbers and too many are ignored. */
  resend(sequences: readonly number[]): RtpPieces[] {
    const mapping = this.#mapping;
    const source = this.#source;
    if (!mapping || !source) return [];
    const packets: RtpPieces[] = [];
    for (const sequence of sequences) {
      const number = this.#highest + (((sequence - this.#highest) << 16) >> 16);
      if (number < mapping.to || number > this.#highest) continue;
      const packet = source.find(mapping.from + number - mapping.to, mapping.epoch);
      if (!packet || this.#resendBytes < packet.payload.length) continue;
      this.#resendBytes -= packet.payload.length;
      this.stats.resent++;
      packets.push(this.#print(packet, number, mapping));
    }
    return packets;
  }

  /** The report of its source, with the timestamps of the slot; undefined while nothing is sent. */
  report({ utcMs, timestamp }: Extract<RtcpPacket, { type: 'senderReport' }>): Uint8Array | undefined {
    if (!this.#mapping) return undefined;
    const { ssrc, name } = this.#options;
    const { packets, bytes } = this.stats;
    return printSenderReport(
      { ssrc, utcMs, timestamp: (timestamp + this.#mapping.ticks) >>> 0, packets: packets >>> 0, bytes: bytes >>> 0 },
      name,
    );
  }

  #enter({ packet, extended, epoch }: ForwardPacket, nowMs: number): Mapping {
    const isFirst = this.#sentMs === undefined;
    const elapsedMs = isFirst ? 0 : Math.max(LEAST_STEP_MS, nowMs - this.#sentMs!);
    const timestamp = this.#timestamp + Math.round((elapsedMs * this.clockRate) / 1000);
    const descriptor = this.kind === 'video' ? readVp8(packet.payload) : undefined;
    const picture = descriptor?.picture && !isFirst ? this.#picture + 1 - descriptor.picture.id : 0;
    const layer = descriptor?.layer && !isFirst ? this.#layer + 1 - descriptor.layer.index : 0;
    return {
      epoch,
      from: extended,
      to: this.#highest + 1,
      ticks: (timestamp - packet.timestamp) | 0,
      shift: { picture, layer },
    };
  }

  #remember({ payload }: RtpPacket, { shift }: Mapping): void {
    if (this.kind === 'audio') return;
    const descriptor = readVp8(payload);
    if (descriptor?.picture) this.#picture = (descriptor.picture.id + shift.picture) & 0x7fff;
    if (descriptor?.layer) this.#layer = (descriptor.layer.index + shift.layer) & 0xff;
  }

  #print({ marker, timestamp, payload }: RtpPacket, number: number, { ticks, shift }: Mapping): RtpPieces {
    const { ssrc, payloadType, extensions } = this.#options;
    return printRtpPieces(
      {
        payloadType,
        ssrc,
        marker,
        sequence: number & 0xffff,
        timestamp: (timestamp + ticks) >>> 0,
        payload: this.kind === 'video' ? shiftVp8(payload, shift) : payload,
      },
      extensions,
    );
  }
}
