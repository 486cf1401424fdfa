/**
 * The packets of one track: its source, packets that are sent again, order, and access units.
 * In: packets with any SSRC and payload type of the track. Out: configurations and access units with ticks.
 * Pure. RFC 3550 8.2 (SSRC changes), RFC 4588 4 (RTX), RFC 3264 (payload types).
 */

import type { AudioConfig, VideoConfig } from '../../frame.ts';
import type { LeftOutTrack } from '../../left-out.ts';
import type { RtpFormat } from '../../sdp/rtp-format.ts';
import type { RtpPacket } from '../packet.ts';
import { createDepacketizer } from '../payload/depacketizer.ts';
import { meaningOf, type PayloadMeaning } from '../payload/formats.ts';
import type { Depacketizer, PayloadFormat, Unit } from '../payload/payload.ts';
import type { ReceptionReport, RtcpPacket } from '../rtcp.ts';
import { ReceiveBuffer } from './receive-buffer.ts';
import { SenderClock } from './sender-clock.ts';
import { SourceLatch } from './source-latch.ts';

/** Packets in smaller memory share it with few others, bytes. */
const SHARED_BYTES = 8 * 1024;

/** One track of a session description. */
export interface RtpTrackOptions {
  /** Id of the stream's track, 1 to 255. */
  readonly id: number;
  readonly kind: 'video' | 'audio';
  /** All payload types of the track, `RTX` included. */
  readonly formats: readonly RtpFormat[];
  /** SSRCs that the session description announces. */
  readonly sources?: readonly number[];
  /** Value of the header extension that names the media (`mid`). */
  readonly mid?: string;
  /** Names the layer of a video with several (simulcast), which have one id. */
  readonly rid?: string;
  /** The sender repeats packets (`nack`), and sends key frames on request (`nack pli`). */
  readonly canRepeat?: boolean;
  readonly canRequestKey?: boolean;
  /** BCP 47. */
  readonly language?: string;
  readonly label?: string;
}

/** An access unit with its time. */
export interface TimedUnit extends Omit<Unit, 'timestamp'> {
  /** RTP timestamp without wraps. */
  readonly ticks: number;
  /** Packets were lost before it. */
  readonly afterLoss: boolean;
}

/** Receives the output of one track. */
interface InputOutput {
  config(config: VideoConfig | AudioConfig, clockRate: number): void;
  unit(unit: TimedUnit, nowMs: number): void;
  damage(reason: string): void;
  refused(track: LeftOutTrack): void;
  bytes(bytes: Uint8Array): void;
  /** Units that follow have another clock. */
  restarted(): void;
}

type SenderReport = Extract<RtcpPacket, { type: 'senderReport' }>;

/** Reads one track. */
export class TrackInput {
  readonly #out: InputOutput;
  readonly #canRepeat: boolean;
  readonly #meanings = new Map<number, PayloadMeaning>();
  readonly #latch: SourceLatch;
  readonly #repairLatch: SourceLatch;
  #buffer: ReceiveBuffer | undefined;
  #clock: SenderClock | undefined;
  #payloadType: number | undefined;
  #depacketizer: Depacketizer | undefined;
  #format: PayloadFormat | undefined;
  #isRefused = false;
  #afterLoss = false;
  #nowMs = 0;
  #lastReport: { readonly ntpMiddle: number; readonly atMs: number } | undefined;
  #retransmitted = 0;
  /** Of sources before the current one. */
  #before = { packets: 0, lost: 0, dropped: 0 };

  constructor({ kind, formats, sources = [], canRepeat = false }: RtpTrackOptions, out: InputOutput) {
    this.#out = out;
    this.#canRepeat = canRepeat;
    this.#latch = new SourceLatch(sources.slice(0, 1));
    this.#repairLatch = new SourceLatch(sources.slice(1));
    for (const format of formats) {
      const meaning = meaningOf(format, kind);
      if (meaning) this.#meanings.set(format.payloadType, meaning);
    }
  }

  /** The current source; undefined before the first packet. */
  get source(): number | undefined {
    return this.#latch.current;
  }

  /** The clock of the current source. */
  get clock(): SenderClock | undefined {
    return this.#clock;
  }

  /** Video that cannot be decoded before the next key frame. */
  get needsKey(): boolean {
    return !this.#isRefused && this.#depacketizer?.needsKey === true;
  }

  /** Figures in total. */
  get stats(): { packets: number; lost: number; retransmitted: number; dropped: number } {
    const { packets, lost, dropped } = this.#before;
    const counts = this.#buffer?.counts;
    const repaired = counts?.repaired ?? 0;
    return {
      packets: packets + (this.#buffer?.reception.received ?? 0) - repaired,
      lost: lost + (counts?.givenUp ?? 0) + repaired,
      retransmitted: this.#retransmitted,
      dropped: dropped + (counts ? counts.late + counts.duplicates : 0),
    };
  }

  /** Whether the track has this payload type. */
  has(payloadType: number): boolean {
    return this.#meanings.has(payloadType);
  }

  /** Whether this is its source, or that of its repeated packets. */
  isSource(ssrc: number): boolean {
    return ssrc === this.#latch.current || ssrc === this.#repairLatch.current;
  }

  /** Takes a packet; those of strangers and of unknown payload types are ignored. */
  push(packet: RtpPacket, nowMs: number): void {
    const meaning = this.#meanings.get(packet.payloadType);
    if (!meaning) return;
    this.#nowMs = nowMs;
    if (meaning.kind === 'leftOut') {
      this.#payloadType = undefined;
      this.#refuse(meaning.track);
    } else if (meaning.kind === 'repair') {
      this.#repeated(packet, meaning.payloadType);
    } else {
      const source = this.#latch.take(packet.ssrc, nowMs);
      if (source === 'stranger') return;
      if (source === 'new') this.#begin(meaning.format.clockRate);
      this.#buffer!.push(packet, nowMs);
    }
  }

  /** Time passes. */
  tick(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#buffer?.tick(nowMs);
  }

  /** A sender report of the current source. */
  report({ utcMs, timestamp, ntpMiddle }: SenderReport, nowMs: number): void {
    this.#lastReport = { ntpMiddle, atMs: nowMs };
    this.#clock?.report(utcMs, timestamp);
  }

  /** The source says goodbye, or the session ends. */
  end(): void {
    this.#buffer?.flush();
    this.#depacketizer?.flush();
    this.#latch.release();
  }

  /** Packets are missing that may be requested. */
  get isMissing(): boolean {
    return this.#buffer !== undefined && this.#buffer.missing.size > 0;
  }

  /** Numbers to request now. */
  nacks(nowMs: number): number[] {
    return this.#buffer?.nacks(nowMs) ?? [];
  }

  /** The round trip to the sender was measured elsewhere. */
  setRoundTrip(ms: number): void {
    this.#buffer?.missing.setRoundTrip(ms);
  }

  /** The block of a receiver report; undefined before the first packet. */
  receptionReport(nowMs: number): ReceptionReport | undefined {
    const ssrc = this.#latch.current;
    if (ssrc === undefined || !this.#buffer) return undefined;
    const last = this.#lastReport;
    const delay = last ? Math.min(0xffff_ffff, Math.round((nowMs - last.atMs) * 65.536)) : 0;
    return { ssrc, ...this.#buffer.reception.take(), lastReport: last?.ntpMiddle ?? 0, delay };
  }

  /** RFC 4588 4: the original sequence number, then the original payload. */
  #repeated({ ssrc, payload, ...packet }: RtpPacket, payloadType: number): void {
    const original = this.#latch.current;
    if (original === undefined || payload.length < 3) return;
    if (this.#repairLatch.take(ssrc, this.#nowMs) === 'stranger') return;
    if (this.#meanings.get(payloadType)?.kind !== 'media') return;
    this.#retransmitted++;
    const sequence = (payload[0]! << 8) | payload[1]!;
    const repeated = { ...packet, payloadType, sequence, ssrc: original, payload: payload.subarray(2) };
    this.#buffer?.push(repeated, this.#nowMs, true);
  }

  #begin(clockRate: number): void {
    if (this.#buffer) {
      this.#buffer.flush();
      this.#depacketizer?.flush();
      const { packets, lost, dropped } = this.stats;
      this.#before = { packets, lost, dropped };
      this.#repairLatch.release();
      this.#out.restarted();
    }
    this.#depacketizer?.lost();
    this.#lastReport = undefined;
    this.#clock = new SenderClock(clockRate);
    this.#buffer = new ReceiveBuffer(
      { clockRate, canRequest: this.#canRepeat },
      {
        packet: (packet) => this.#inOrder(packet),
        lost: () => {
          this.#depacketizer?.lost();
          this.#afterLoss = true;
          this.#out.damage('packets were lost');
        },
      },
    );
  }

  #inOrder(packet: RtpPacket): void {
    if (packet.payloadType !== this.#payloadType) this.#select(packet.payloadType);
    this.#depacketizer?.push(packet);
  }

  /** Another payload type: another configuration, perhaps another clock. */
  #select(payloadType: number): void {
    const meaning = this.#meanings.get(payloadType);
    if (meaning?.kind !== 'media') return;
    const { format } = meaning;
    this.#depacketizer?.flush();
    this.#payloadType = payloadType;
    this.#format = format;
    this.#isRefused = false;
    if (this.#clock?.rate !== format.clockRate) this.#restartClock();
    this.#depacketizer = createDepacketizer(format, {
      config: (config) => this.#out.config(config, format.clockRate),
      unit: (unit) => this.#unit(unit),
      damage: (reason) => this.#out.damage(reason),
      refused: (track) => this.#refuse(track),
      bytes: (bytes) => this.#out.bytes(bytes),
    });
  }

  #unit({ timestamp, key, data, duration }: Unit): void {
    if (this.#clock!.isJump(timestamp, this.#nowMs)) {
      this.#out.damage('the timestamps of a source jumped');
      this.#restartClock();
    }
    const ticks = this.#clock!.take(timestamp, this.#nowMs);
    const afterLoss = this.#afterLoss;
    this.#afterLoss = false;
    const timed = { key, data: withoutOthers(data), ticks, afterLoss };
    this.#out.unit(duration === undefined ? timed : { ...timed, duration }, this.#nowMs);
  }

  #restartClock(): void {
    this.#clock = new SenderClock(this.#format!.clockRate);
    this.#out.restarted();
  }

  #refuse(track: LeftOutTrack): void {
    if (this.#isRefused) return;
    this.#isRefused = true;
    this.#out.refused(track);
  }
}

/** Sound is passed on as it came, and would keep what was read with it from a connection. */
function withoutOthers(data: Uint8Array): Uint8Array {
  return data.buffer.byteLength > Math.max(SHARED_BYTES, 2 * data.length) ? new Uint8Array(data) : data;
}
