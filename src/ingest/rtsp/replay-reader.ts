/**
 * Packets of a replay to frames with their UTC: recordings of a camera come faster than they were made, and
 * may have gaps.
 * In: RTP packets with the index of their media. Out: frames of runs, each with one UTC offset. Opens no
 * socket. ONVIF Streaming Specification 6.3; RFC 2326 12.33.
 */
import { FormatError } from '@oxbow/media/errors';
import type { Frame, Track } from '@oxbow/media/frame';
import { parseRtp, type RtpPacket } from '@oxbow/media/rtp/packet';
import { RtpDemuxer } from '@oxbow/media/rtp/receive/rtp-demuxer';
import { parseReplayTime, type ReplayTime } from '@oxbow/media/rtp/replay-time';
import type { RtpMedia } from '@oxbow/media/rtp/rtp-media';
import { trackOf } from '../rtp/rtp-session.ts';

/** UTC and RTP time that differ by more begin another run, ms: the recording has a gap there. */
const MAX_STEP_MS = 250;
/** The demuxer relates the tracks to UTC this often, ms of media. */
const REPORT_EVERY_MS = 5000;

/** Frames of one run. */
export interface ReplayedFrames {
  /** The same array for all frames of a run. */
  readonly tracks: readonly Track[];
  /** UTC = offset + pts, µs since 1970, by the clock of the server. */
  readonly utcOffsetUs: number;
  /** In decode order of each track. */
  readonly frames: readonly Frame[];
}

/** Where the media of a response begins, where packets have no UTC. */
export interface ReplayStart {
  readonly utcMs: number;
  /** RTP timestamp of that moment, by the index of the media; of others the first packet has it. */
  readonly rtpTimes: ReadonlyMap<number, number>;
}

/** Where one media is in both times: UTC and RTP. */
interface MediaClock {
  /** The newest packet. */
  utcMs: number;
  timestamp: number;
  reportedMs: number;
}

interface PendingRun {
  readonly tracks: readonly Track[];
  readonly utcOffsetUs: number;
  frames: Frame[];
}

/** Reads the packets of one replay. */
export class ReplayReader {
  readonly #media: readonly RtpMedia[];
  readonly #start: ReplayStart | undefined;
  #demuxer: RtpDemuxer;
  #clocks = new Map<number, MediaClock>();
  #nowMs = 0;
  #runs: PendingRun[] = [];
  #bytes = 0;
  #damages = 0;
  #utcMs: number | undefined;
  #isLast = false;
  #isEnd = false;

  /** @param start undefined: packets without UTC are dropped */
  constructor(media: readonly RtpMedia[], start: ReplayStart | undefined) {
    this.#media = media;
    this.#start = start;
    this.#demuxer = this.#open();
  }

  /** UTC of the newest packet, ms since 1970; undefined before the first with a time. */
  get utcMs(): number | undefined {
    return this.#utcMs;
  }

  /** The server said that nothing follows. */
  get isLast(): boolean {
    return this.#isLast;
  }

  /** The newest packet is the last before a gap, or of all. */
  get isEnd(): boolean {
    return this.#isEnd;
  }

  /** Bytes of the frames that wait for `take`. */
  get waitingBytes(): number {
    return this.#bytes;
  }

  /** Damaged packets and frames so far. */
  get damages(): number {
    return this.#damages;
  }

  /** Takes a packet; malformed ones count as damage. @param bytes may be kept, must not be changed */
  push(mediaIndex: number, bytes: Uint8Array): void {
    const packet = this.#parse(bytes);
    if (!packet || !this.#media[mediaIndex]?.isUsable) return;
    const time = parseReplayTime(bytes);
    const utcMs = time?.utcMs ?? this.#utcOf(mediaIndex, packet);
    if (utcMs === undefined) return;
    this.#isLast ||= time?.isLast ?? false;
    this.#isEnd = time?.isEnd ?? false;
    this.#follow(mediaIndex, packet, utcMs, time);
    this.#demuxer.push(packet, this.#nowMs, mediaIndex + 1);
    this.#demuxer.tick(this.#nowMs);
  }

  /** The session ends: what waits comes out. */
  end(): void {
    this.#demuxer.end();
  }

  /** The frames so far. */
  take(): ReplayedFrames[] {
    const runs = this.#runs;
    const last = runs.at(-1);
    // Frames that follow belong to the last run.
    this.#runs = last ? [{ ...last, frames: [] }] : [];
    this.#bytes = 0;
    return runs.filter(({ frames }) => frames.length > 0);
  }

  #open(): RtpDemuxer {
    const tracks = this.#media.flatMap((each, index) => (each.isUsable ? [trackOf(each, index, undefined)] : []));
    return new RtpDemuxer(
      { ssrc: 1, name: 'oxbow', tracks, isSeparate: true },
      {
        tracks: (all) => {
          const epochMs = this.#demuxer.senderEpochMs;
          if (epochMs === undefined) return;
          this.#runs.push({ tracks: all, utcOffsetUs: Math.round(epochMs * 1000), frames: [] });
        },
        frame: (frame) => {
          this.#runs.at(-1)?.frames.push(frame);
          this.#bytes += frame.data.length;
        },
        damage: () => {
          this.#damages++;
        },
      },
    );
  }

  #parse(bytes: Uint8Array): RtpPacket | undefined {
    try {
      return parseRtp(bytes);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.#damages++;
      return undefined;
    }
  }

  /** UTC of a packet without one: from the packet before it, or from the response to PLAY. */
  #utcOf(mediaIndex: number, { timestamp, payloadType }: RtpPacket): number | undefined {
    const rate = this.#rateOf(mediaIndex, payloadType);
    if (rate === undefined) return undefined;
    const clock = this.#clocks.get(mediaIndex);
    if (clock) return clock.utcMs + (((timestamp - clock.timestamp) | 0) / rate) * 1000;
    if (!this.#start) return undefined;
    const first = this.#start.rtpTimes.get(mediaIndex) ?? timestamp;
    return this.#start.utcMs + (((timestamp - first) | 0) / rate) * 1000;
  }

  #rateOf(mediaIndex: number, payloadType: number): number | undefined {
    return this.#media[mediaIndex]?.formats.find((format) => format.payloadType === payloadType)?.clockRate;
  }

  /** Moves the clock of the demuxer to the packet; after a gap another run begins. */
  #follow(mediaIndex: number, packet: RtpPacket, utcMs: number, time: ReplayTime | undefined): void {
    const { timestamp, payloadType, ssrc } = packet;
    const rate = this.#rateOf(mediaIndex, payloadType);
    if (rate === undefined) return;
    const before = this.#clocks.get(mediaIndex);
    if (before && timestamp !== before.timestamp) {
      const stepMs = (((timestamp - before.timestamp) | 0) / rate) * 1000;
      const isGap = Math.abs(utcMs - before.utcMs - stepMs) > MAX_STEP_MS;
      if (isGap || (time?.isDiscontinuous && stepMs > MAX_STEP_MS)) this.#restart();
    }
    this.#nowMs = Math.max(this.#nowMs, utcMs);
    this.#utcMs = utcMs;
    const clock = this.#clocks.get(mediaIndex) ?? { utcMs, timestamp, reportedMs: Number.NEGATIVE_INFINITY };
    this.#clocks.set(mediaIndex, clock);
    clock.utcMs = utcMs;
    clock.timestamp = timestamp;
    if (utcMs - clock.reportedMs < REPORT_EVERY_MS) return;
    clock.reportedMs = utcMs;
    const counts = { ntpMiddle: 0, packets: 0, bytes: 0, reports: [] };
    this.#demuxer.report([{ type: 'senderReport', ssrc, utcMs, timestamp, ...counts }], this.#nowMs, mediaIndex + 1);
  }

  #restart(): void {
    this.#demuxer.end();
    this.#clocks = new Map();
    this.#nowMs = 0;
    this.#demuxer = this.#open();
  }
}
