/**
 * A sender and a network with losses for the tests of RTP input, in virtual time.
 * In: a seed, rates. Out: packets by the time of their arrival; a demuxer that collects. Used by tests only.
 */
import assert from 'node:assert/strict';
import { BitWriter } from '../../bits.ts';
import type { Frame, Track } from '../../frame.ts';
import { ues } from '../../h264/nal.fixture.ts';
import type { LeftOutTrack } from '../../left-out.ts';
import { PPS, printSlice, printSps } from '../../mpegts/packets.fixture.ts';
import { seeded } from '../../random.fixture.ts';
import type { RtpFormat } from '../../sdp/rtp-format.ts';
import type { RtpPacket } from '../packet.ts';
import { parseRtcp, printSenderReport, type RtcpPacket } from '../rtcp.ts';
import { RtpDemuxer, type RtpDemuxerOptions } from './rtp-demuxer.ts';
import type { RtpTrackOptions } from './track-input.ts';

/** A Main profile SPS with this pic_order_cnt_type. */
export function mainSps(orderType: number): Uint8Array {
  const bits = new BitWriter().u(0x67, 8).u(77, 8).u(0, 8).u(30, 8);
  ues(bits, 0, 0, orderType, ...(orderType === 0 ? [4] : []), 2);
  return ues(bits.u(0, 1), 3, 2).u(1, 1).u(1, 1).u(0, 1).u(0, 1).u(1, 1).finish();
}

/** Payload types of the fixtures. */
export const PT = { h264: 96, rtx: 97, vp8: 98, opus: 111 } as const;
/** The source of video. */
export const VIDEO_SSRC = 0x1111;
/** The source of audio. */
export const AUDIO_SSRC = 0x2222;

const format = (payloadType: number, encoding: string, clockRate: number, parameters: Record<string, string> = {}) =>
  ({
    payloadType,
    encoding,
    clockRate,
    channels: 1,
    feedback: [],
    parameters: new Map(Object.entries(parameters)),
  }) satisfies RtpFormat;

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');

/** H.264 of baseline profile with RTX, and VP8. */
export const videoTrack: RtpTrackOptions = {
  id: 1,
  kind: 'video',
  canRepeat: true,
  canRequestKey: true,
  mid: 'v',
  formats: [
    format(PT.h264, 'H264', 90_000, { 'sprop-parameter-sets': `${base64(printSps())},${base64(PPS)}` }),
    format(PT.rtx, 'RTX', 90_000, { apt: String(PT.h264) }),
    format(PT.vp8, 'VP8', 90_000),
  ],
};
/** Opus. */
export const audioTrack: RtpTrackOptions = {
  id: 2,
  kind: 'audio',
  canRepeat: true,
  mid: 'a',
  formats: [format(PT.opus, 'OPUS', 48_000)],
};

/** A demuxer and everything that it gave. */
export interface Session {
  readonly demuxer: RtpDemuxer;
  readonly frames: Frame[];
  /** Each announcement of tracks, with the number of frames before it. */
  readonly runs: { readonly tracks: readonly Track[]; readonly at: number }[];
  readonly damage: string[];
  readonly leftOut: (readonly LeftOutTrack[])[];
  /** Frames of a track. */
  of(id: number): Frame[];
}

export function openSession(tracks: readonly RtpTrackOptions[], more: Partial<RtpDemuxerOptions> = {}): Session {
  const frames: Frame[] = [];
  const runs: { tracks: readonly Track[]; at: number }[] = [];
  const damage: string[] = [];
  const leftOut: (readonly LeftOutTrack[])[] = [];
  const demuxer = new RtpDemuxer(
    { ssrc: 9, name: 'oxbow', tracks, ...more },
    {
      tracks: (all) => runs.push({ tracks: all, at: frames.length }),
      frame: (frame) => frames.push(frame),
      damage: (reason) => damage.push(reason),
      leftOut: (all) => leftOut.push(all),
    },
  );
  return { demuxer, frames, runs, damage, leftOut, of: (id) => frames.filter(({ trackId }) => trackId === id) };
}

/** A packet of H.264. */
export function videoPacket(sequence: number, timestamp: number, payload: Uint8Array, ssrc = VIDEO_SSRC): RtpPacket {
  return { payloadType: PT.h264, marker: true, sequence: sequence & 0xffff, timestamp: timestamp >>> 0, ssrc, payload };
}

/** A packet of Opus, 20 ms. */
export function audioPacket(sequence: number, timestamp: number, ssrc = AUDIO_SSRC): RtpPacket {
  const payload = Uint8Array.of(0xfc, sequence >> 8, sequence & 0xff);
  return {
    payloadType: PT.opus,
    marker: false,
    sequence: sequence & 0xffff,
    timestamp: timestamp >>> 0,
    ssrc,
    payload,
  };
}

/** A sender report as it is read. */
export function senderReport(ssrc: number, utcMs: number, timestamp: number): RtcpPacket[] {
  return parseRtcp(printSenderReport({ ssrc, utcMs, timestamp: timestamp >>> 0, packets: 1, bytes: 1 }, 'x'));
}

/** One picture that is only a slice. */
export function picture(key: boolean, size = 60): Uint8Array {
  return printSlice(key, size);
}

/** Packets that wait to arrive. */
export class Network {
  readonly #random: (below: number) => number;
  readonly #lossPercent: number;
  readonly #jitterMs: number;
  readonly #queue: { readonly atMs: number; readonly packet: RtpPacket }[] = [];
  lost = 0;

  constructor(seed: number, lossPercent: number, jitterMs: number) {
    this.#random = seeded(seed);
    this.#lossPercent = lossPercent;
    this.#jitterMs = jitterMs;
  }

  /** Sends a packet, which may be lost, and arrives after 20 ms and up to the jitter. */
  send(packet: RtpPacket, nowMs: number): void {
    if (this.#random(100) < this.#lossPercent) {
      this.lost++;
      return;
    }
    this.#queue.push({ atMs: nowMs + 20 + this.#random(this.#jitterMs + 1), packet });
  }

  /** Packets that have arrived, in the order of their arrival. */
  take(nowMs: number): { readonly atMs: number; readonly packet: RtpPacket }[] {
    const arrived = this.#queue.filter(({ atMs }) => atMs <= nowMs).sort((a, b) => a.atMs - b.atMs);
    for (const one of arrived) this.#queue.splice(this.#queue.indexOf(one), 1);
    return arrived;
  }
}

/** Time of the sender at the start of a test, unix ms. */
export const UTC_MS = 1_790_000_000_000;
/** RTP timestamps at the start of a test: near their wrap. */
export const VIDEO_FROM = 2 ** 32 - 90_000;
/** The same of audio. */
export const AUDIO_FROM = 2 ** 32 - 10_000;

/** A stretch of media. */
export interface Live {
  /** First and last moment, ms. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Frames between key frames. */
  readonly gop?: number;
  /** The audio clock reports this much later moments, ms. */
  readonly audioLateMs?: number;
  /** Sender reports: every so many ms; none if 0. */
  readonly reportMs?: number;
  readonly audio?: boolean;
  readonly video?: boolean;
}

/** 25 pictures and 50 packets of Opus a second without losses, and reports. */
export function live(
  { demuxer }: Session,
  { fromMs, toMs, gop = 25, audioLateMs = 0, reportMs = 1000, audio = true, video = true }: Live,
) {
  for (let ms = fromMs; ms < toMs; ms += 20) {
    if (reportMs > 0 && ms % reportMs === 100) {
      demuxer.report(senderReport(VIDEO_SSRC, UTC_MS + ms, VIDEO_FROM + ms * 90), ms);
      demuxer.report(senderReport(AUDIO_SSRC, UTC_MS + ms + audioLateMs, AUDIO_FROM + ms * 48), ms);
    }
    if (video && ms % 40 === 0) {
      const n = ms / 40;
      demuxer.push(videoPacket(65_500 + n, VIDEO_FROM + ms * 90, picture(n % gop === 0)), ms);
    }
    if (audio) demuxer.push(audioPacket(65_000 + ms / 20, AUDIO_FROM + ms * 48), ms);
    demuxer.tick(ms);
  }
}

/** Decode times rise, and never exceed presentation times. */
export function assertRising(frames: readonly Frame[]): void {
  for (const [i, { dts, pts }] of frames.entries()) {
    assert.ok(dts <= pts && (i === 0 || dts > frames[i - 1]!.dts), `frame ${i}: ${dts}, ${pts}`);
  }
}
