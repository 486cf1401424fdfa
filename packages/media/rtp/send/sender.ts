/**
 * Sends one track to one viewer: headers around shared payloads, sender reports, answers to NACK.
 * In: payloads of packetizer.ts or viewer-queue.ts, NACKs of the viewer. Out: RTP and RTCP packets, before
 * encryption. Pure. RFC 3550 5.1 and 6.4.1, RFC 4585 6.2.1 (NACK), RFC 4588 4 (retransmission).
 */
import type { Frame } from '../../frame.ts';
import { rescale } from '../../rescale.ts';
import { ticksToUs, usToTicks } from '../../run.ts';
import {
  type PacketExtensions,
  printedHeaderBytes,
  printRtpPieces,
  type RtpPieces,
  writeRtpHeader,
} from '../packet.ts';
import { printSenderReport } from '../rtcp.ts';
import { PacketHistory, type SentPacket } from './packet-history.ts';
import type { ViewerTimeline } from './viewer-timeline.ts';

/** A payload with the fields of its header. */
export interface OutgoingPayload {
  /** RTP timestamp, 32 bits. */
  readonly timestamp: number;
  readonly payload: Uint8Array;
  /** The last one of a video frame. */
  readonly marker: boolean;
}

/** Retransmission in a separate stream, RFC 4588. */
interface RetransmissionOptions {
  readonly ssrc: number;
  readonly payloadType: number;
  /** Random, 0 to 32,767. */
  readonly firstSequence: number;
  readonly extensions?: PacketExtensions | undefined;
}

/**
 * What a sender needs. Random numbers are the caller's, because RTP with known ones is easier to forge
 * (RFC 3550 5.1).
 */
export interface RtpSenderOptions {
  readonly kind: 'video' | 'audio';
  readonly ssrc: number;
  readonly payloadType: number;
  /** Hz, of the format. */
  readonly clockRate: number;
  /** Random, 0 to 32,767: SRTP counts wraps, and the first packets may be lost (RFC 3711 3.3.1). */
  readonly firstSequence: number;
  /** Random, 32 bits: added to all timestamps. */
  readonly timestampOffset: number;
  /** `CNAME` of the connection, ASCII: the same for all of its sources. */
  readonly name: string;
  /** The same for all sources of the connection. */
  readonly timeline: ViewerTimeline;
  readonly extensions?: PacketExtensions | undefined;
  /** Absent: lost packets are sent again as they were. */
  readonly retransmission?: RetransmissionOptions;
}

/** Counters of a sender. */
interface SenderStats {
  /** Without retransmissions. */
  packets: number;
  /** Of payloads. */
  bytes: number;
  /** Packets that were sent again, and their bytes. */
  resent: number;
  resentBytes: number;
  /** Requests for packets that are no longer kept. */
  expired: number;
  /** Requests beyond the limit, or repeated too early. */
  ignored: number;
}

/**
 * Packets and bytes that are kept for NACK: 1.5 s of 3 Mbps, and a large key frame. Payloads are shared, so a
 * viewer costs little.
 */
const HISTORY_PACKETS = 1024;
const HISTORY_BYTES = 4 * 1024 * 1024;
/** Retransmissions may cost this share of the traffic, so that NACKs cannot multiply the traffic. */
const RESEND_SHARE = 0.5;
/** Bytes that may be sent again at once; a new viewer has them too. */
const RESEND_BURST_BYTES = 128 * 1024;
/** A packet is sent again at most this often, and not before this time, ms. */
const MAX_RESENDS = 8;
const LEAST_RESEND_MS = 10;
/** Of the round trip: until then a NACK may have been sent before the packet arrived. */
const ROUND_TRIP_SHARE = 0.75;
const ORIGINAL_SEQUENCE_BYTES = 2;

/** One source of RTP. */
export class RtpSender {
  readonly stats: SenderStats = { packets: 0, bytes: 0, resent: 0, resentBytes: 0, expired: 0, ignored: 0 };
  readonly #options: RtpSenderOptions;
  readonly #history: PacketHistory;
  #timescale: number;
  /** RTP timestamp of pts 0, without wraps; the random offset included. */
  #base = 0;
  #offsetUs = 0;
  #sequence: number;
  #retransmissionSequence: number;
  #resendBudget = RESEND_BURST_BYTES;

  constructor(options: RtpSenderOptions) {
    this.#options = options;
    this.#history = new PacketHistory(HISTORY_PACKETS, HISTORY_BYTES, printedHeaderBytes(options.extensions));
    this.#timescale = options.clockRate;
    this.#sequence = options.firstSequence & 0xffff;
    this.#retransmissionSequence = (options.retransmission?.firstSequence ?? 0) & 0xffff;
  }

  /** 32 bits. */
  get ssrc(): number {
    return this.#options.ssrc;
  }

  /** Begins a run, after the `startRun` of the timeline. @param timescale of the run's track */
  startRun(timescale: number): void {
    const { timeline, clockRate, timestampOffset } = this.#options;
    this.#timescale = timescale;
    this.#offsetUs = timeline.offsetUs;
    this.#base = timestampOffset + usToTicks(timeline.offsetUs, clockRate);
  }

  /** The RTP timestamp of a frame of the current run; counts it as sent on the timeline. */
  timestampOf({ pts, duration }: Pick<Frame, 'pts' | 'duration'>): number {
    const { timeline, clockRate } = this.#options;
    timeline.advance(this.#offsetUs + ticksToUs(pts + duration, this.#timescale));
    return modulo32(this.#base + rescale(pts, this.#timescale, clockRate));
  }

  /**
   * All packets of a frame at once, for audio and small frames.
   * @param nowMs ms, as in all methods a clock that does not go back
   */
  packets(frame: Frame, payloads: readonly Uint8Array[], nowMs: number): RtpPieces[] {
    if (payloads.length === 0) return [];
    const timestamp = this.timestampOf(frame);
    const last = this.#options.kind === 'video' ? payloads.length - 1 : -1;
    return payloads.map((payload, i) => this.packet({ timestamp, payload, marker: i === last }, nowMs));
  }

  /**
   * The next packet. Its object is valid for as long as the history keeps it: for 1,024 packets or 4 MiB.
   * @param outgoing its payload is kept for NACK
   */
  packet({ timestamp, payload, marker }: OutgoingPayload, nowMs: number): RtpPieces {
    const { ssrc, payloadType, extensions } = this.#options;
    const sent = this.#history.add(this.#sequence, payload, nowMs);
    sent.timestamp = timestamp;
    sent.marker = marker;
    writeRtpHeader(sent.pieces.header, sent, ssrc, payloadType, extensions, nowMs);
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.stats.packets++;
    this.stats.bytes += payload.length;
    this.#resendBudget = Math.min(RESEND_BURST_BYTES, this.#resendBudget + payload.length * RESEND_SHARE);
    return sent.pieces;
  }

  /**
   * The answer to a NACK of this source; without retransmission streams the packets are the same bytes as
   * before, so their encryption is the same too.
   *
   * @param sequences as the NACK lists them; repeated, unknown and too many ones are ignored and counted
   * @param roundTripMs of the connection; 0 while it is unknown
   */
  resend(sequences: readonly number[], nowMs: number, roundTripMs = 0): RtpPieces[] {
    const waitMs = Math.max(LEAST_RESEND_MS, ROUND_TRIP_SHARE * roundTripMs);
    const packets: RtpPieces[] = [];
    for (const sequence of sequences) {
      const sent = this.#history.find(sequence & 0xffff);
      if (!sent) {
        this.stats.expired++;
        continue;
      }
      const { length } = sent.pieces.payload;
      if (sent.resent >= MAX_RESENDS || nowMs - sent.sentMs < waitMs || this.#resendBudget < length) {
        this.stats.ignored++;
        continue;
      }
      this.#resendBudget -= length;
      sent.resent++;
      sent.sentMs = nowMs;
      const packet = this.#again(sent, nowMs);
      this.stats.resent++;
      this.stats.resentBytes += length;
      packets.push(packet);
    }
    return packets;
  }

  #again({ pieces, sequence: original, marker, timestamp }: SentPacket, nowMs: number): RtpPieces {
    const { retransmission } = this.#options;
    if (!retransmission) return pieces;
    const payload = new Uint8Array(ORIGINAL_SEQUENCE_BYTES + pieces.payload.length);
    payload.set([original >> 8, original & 0xff]);
    payload.set(pieces.payload, ORIGINAL_SEQUENCE_BYTES);
    const { ssrc, payloadType, extensions } = retransmission;
    const sequence = this.#retransmissionSequence;
    this.#retransmissionSequence = (sequence + 1) & 0xffff;
    return printRtpPieces({ payloadType, marker, sequence, timestamp, ssrc, payload }, extensions, nowMs);
  }

  /**
   * A sender report: which timestamp belongs to this moment. Undefined before the first packet.
   *
   * @param nowUtcMs ms since 1970, may have a fraction
   */
  report(nowUtcMs: number): Uint8Array | undefined {
    if (this.stats.packets === 0) return undefined;
    const { ssrc, name, timeline, clockRate, timestampOffset } = this.#options;
    const timestamp = modulo32(timestampOffset + usToTicks(timeline.at(nowUtcMs), clockRate));
    const { packets, bytes } = this.stats;
    return printSenderReport({ ssrc, utcMs: nowUtcMs, timestamp, packets, bytes }, name);
  }
}

function modulo32(value: number): number {
  return ((value % 2 ** 32) + 2 ** 32) % 2 ** 32;
}
