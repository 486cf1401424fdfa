/**
 * How a viewer receives one source: loss, jitter, round trip time, available bandwidth.
 * In: RTCP packets of the viewer. Out: figures for statistics and congestion.ts. Pure. RFC 3550 6.4.1;
 * draft-alvestrand-rmcat-remb.
 */
import type { RtcpPacket } from '../rtcp.ts';

/** Seconds from 1900 to 1970. */
const NTP_EPOCH_S = 2_208_988_800;
/** A round trip above this is a forged or outdated report, ms. */
const MAX_ROUND_TRIP_MS = 30_000;
/** Weight of a new value in the smoothed ones. */
const WEIGHT = 0.25;

/** Figures of one source at one viewer. */
export class ReceiverFigures {
  readonly #ssrc: number;
  readonly #clockRate: number;
  #lossRate = 0;
  #lost = 0;
  #jitterMs = 0;
  #roundTripMs: number | undefined;
  #leastRoundTripMs: number | undefined;
  #bitrate: number | undefined;
  #reports = 0;

  /** @param clockRate Hz, of the source */
  constructor(ssrc: number, clockRate: number) {
    this.#ssrc = ssrc;
    this.#clockRate = clockRate;
  }

  /** Since the report before, 0 to 1. */
  get lossRate(): number {
    return this.#lossRate;
  }

  /** Packets lost in total, as the viewer counts them. */
  get lost(): number {
    return this.#lost;
  }

  /** Variation of the arrival times. */
  get jitterMs(): number {
    return this.#jitterMs;
  }

  /** Smoothed; undefined before the first answer to a sender report. */
  get roundTripMs(): number | undefined {
    return this.#roundTripMs;
  }

  /** The least round trip of the connection. */
  get leastRoundTripMs(): number | undefined {
    return this.#leastRoundTripMs;
  }

  /** The viewer's estimate of its bandwidth, bits per second (REMB); undefined if it does not say. */
  get bitrate(): number | undefined {
    return this.#bitrate;
  }

  /** How many reports about the source have come. */
  get reports(): number {
    return this.#reports;
  }

  /**
   * Takes one packet of the viewer; those about other sources are ignored.
   *
   * @param nowUtcMs the clock of the sender reports, ms since 1970
   */
  push(packet: RtcpPacket, nowUtcMs: number): void {
    if (packet.type === 'bandwidth') this.#bitrate = packet.bitrate;
    if (packet.type !== 'receiverReport' && packet.type !== 'senderReport') return;
    const report = packet.reports.find(({ ssrc }) => ssrc === this.#ssrc);
    if (!report) return;
    this.#reports++;
    this.#lossRate = report.lossRate;
    this.#lost = report.lost;
    this.#jitterMs = (report.jitter * 1000) / this.#clockRate;
    if (report.lastReport !== 0) this.#measure(report.lastReport, report.delay, nowUtcMs);
  }

  /** All three in units of 1/65536 s, modulo 2^32. */
  #measure(lastReport: number, delay: number, nowUtcMs: number): void {
    const units = (ntpMiddle(nowUtcMs) - lastReport - delay) | 0;
    const ms = (units * 1000) / 65_536;
    // Slightly below 0 by rounding: the viewer is near.
    if (ms < -5 || ms > MAX_ROUND_TRIP_MS) return;
    const positive = Math.max(0, ms);
    this.#leastRoundTripMs = Math.min(this.#leastRoundTripMs ?? positive, positive);
    this.#roundTripMs = this.#roundTripMs === undefined ? positive : mix(this.#roundTripMs, positive);
  }
}

function mix(smoothed: number, next: number): number {
  return smoothed + (next - smoothed) * WEIGHT;
}

function ntpMiddle(utcMs: number): number {
  const seconds = utcMs / 1000 + NTP_EPOCH_S;
  return Math.floor((seconds % 65_536) * 65_536) >>> 0;
}
