/**
 * Sends a live stream over one WebRTC connection: to a viewer over WHEP, or to the target of a relay over
 * WHIP.
 * In: payloads of frames, feedback of the receiver. Out: RTP and RTCP packets. RFC 3550, RFC 4585, RFC 4588;
 * docs/media.md 30.
 */
import { randomBytes } from 'node:crypto';
import { FormatError } from '@oxbow/media/errors';
import type { Frame } from '@oxbow/media/frame';
import type { RtpPieces } from '@oxbow/media/rtp/packet';
import { parseRtcp } from '@oxbow/media/rtp/rtcp';
import { CongestionWatch } from '@oxbow/media/rtp/send/congestion';
import { createPacketExtensions } from '@oxbow/media/rtp/send/header-extensions';
import { ReceiverFigures } from '@oxbow/media/rtp/send/receiver-figures';
import { RtpSender } from '@oxbow/media/rtp/send/sender';
import { ViewerQueue } from '@oxbow/media/rtp/send/viewer-queue';
import { ViewerTimeline } from '@oxbow/media/rtp/send/viewer-timeline';
import type { Run } from '@oxbow/media/run';
import type { Peer } from './peer.ts';

/** The time of a sender. */
interface SenderClock {
  /** UTC, ms since 1970. */
  nowMs(): number;
  /** Milliseconds of a clock that never steps, from an arbitrary origin. */
  monotonicMs(): number;
}

/** Header extensions that are sent. */
export const sentExtensions = {
  mid: 'urn:ietf:params:rtp-hdrext:sdes:mid',
  sendTime: 'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
} as const;

/** A track as the session descriptions agree on it. */
export interface SentTrack {
  readonly trackId: number;
  readonly kind: 'video' | 'audio';
  readonly mid: string;
  readonly payloadType: number;
  readonly clockRate: number;
  readonly ssrc: number;
  /** Of retransmissions, RFC 4588; undefined: packets are sent again as they were. */
  readonly repair: { readonly ssrc: number; readonly payloadType: number } | undefined;
  /** Header extensions that were agreed: id by URI. */
  readonly extensions: ReadonlyMap<string, number>;
}

interface SentRun {
  readonly run: Run;
  /** UTC of its start, µs. */
  readonly startUs: number;
  /** Tracks with a packetizer. */
  readonly tracks: readonly { readonly id: number; readonly timescale: number; readonly encoding: string }[];
}

/** Options of a sender. */
interface MediaSenderSetup {
  readonly peer: Pick<Peer, 'send' | 'sendReport'>;
  readonly tracks: readonly SentTrack[];
  readonly clock: SenderClock;
  /** The receiver needs a key frame. */
  readonly requestKeyFrame: () => void;
}

/** Interval of sender reports, ms. */
const REPORT_MS = 1000;

/** One track that is sent. */
interface Sending {
  readonly track: SentTrack;
  readonly sender: RtpSender;
  readonly figures: ReceiverFigures;
  /** Of video: its frames are paced, and dropped when the receiver is slow. */
  readonly queue: ViewerQueue | undefined;
  encoding: string | undefined;
}

/** The media of one connection. Disposing it stops its timers. */
export class MediaSender implements Disposable {
  readonly #setup: MediaSenderSetup;
  readonly #timeline = new ViewerTimeline();
  readonly #congestion = new CongestionWatch();
  readonly #sending: readonly Sending[];
  #reports: NodeJS.Timeout | undefined;
  #pacing: NodeJS.Timeout | undefined;
  /** Since the last report. */
  #bytes = 0;
  #bitrate = 0;
  #isOver = false;
  /** Of packets, without retransmissions. */
  sentBytes = 0;

  constructor(setup: MediaSenderSetup) {
    this.#setup = setup;
    const numbers = { next: 0 };
    const name = randomBytes(9).toString('base64url');
    const timestampOffset = randomBytes(4).readUInt32BE();
    this.#sending = setup.tracks.map((track): Sending => {
      const { kind, ssrc, payloadType, clockRate, repair, mid, extensions: ids } = track;
      const [midId, sendTime] = [ids.get(sentExtensions.mid), ids.get(sentExtensions.sendTime)];
      const extensions = createPacketExtensions(
        { ...(midId !== undefined && { mid: midId }), ...(sendTime !== undefined && { absoluteSendTime: sendTime }) },
        mid,
        numbers,
      );
      // In the lower half, so that the first packets cannot wrap before SRTP knows the counter (RFC 3711
      // 3.3.1).
      const firstSequence = randomBytes(2).readUInt16BE() & 0x7fff;
      const sender = new RtpSender({
        kind,
        ssrc,
        payloadType,
        clockRate,
        firstSequence,
        timestampOffset,
        name,
        extensions,
        timeline: this.#timeline,
        ...(repair && { retransmission: { ...repair, firstSequence, extensions } }),
      });
      const figures = new ReceiverFigures(ssrc, clockRate);
      return { track, sender, figures, queue: kind === 'video' ? new ViewerQueue() : undefined, encoding: undefined };
    });
  }

  /** Frames of video that the receiver does not get, because it is slow. */
  get droppedFrames(): number {
    return this.#sending.reduce((sum, { queue }) => sum + (queue?.stats.droppedFrames ?? 0), 0);
  }

  /** The connection is set up: sends waiting frames, and reports from now on. */
  begin(): void {
    for (const sending of this.#sending) if (sending.queue) this.#flush(sending, sending.queue);
    this.#report();
    this.#reports = setInterval(() => this.#report(), REPORT_MS);
  }

  /** A run begins. @returns false if its codecs are not those of the connection: it cannot be sent */
  startRun({ run, startUs, tracks }: SentRun): boolean {
    this.#timeline.startRun(run, startUs);
    for (const sending of this.#sending) {
      const track = tracks.find(({ id }) => id === sending.track.trackId);
      if (!track || (sending.encoding !== undefined && sending.encoding !== track.encoding)) return false;
      sending.encoding = track.encoding;
      sending.sender.startRun(track.timescale);
      sending.queue?.startRun();
    }
    return true;
  }

  /**
   * Sends a frame; one of a track that is not sent is ignored.
   * @param isPast it was received before the receiver joined
   */
  write(frame: Frame, payloads: readonly Uint8Array[], isPast: boolean): void {
    const sending = this.#sending.find(({ track }) => track.trackId === frame.trackId);
    if (!sending) return;
    const { queue, sender, track } = sending;
    const nowMs = this.#setup.clock.monotonicMs();
    if (!queue) {
      // Sound of the past cannot be skipped through: the receiver begins with the present.
      if (!isPast) for (const packet of sender.packets(frame, payloads, nowMs)) this.#send(packet);
      return;
    }
    const durationMs = (frame.duration * 1000) / track.clockRate;
    queue.write(frame, sender.timestampOf(frame), payloads, durationMs, nowMs);
    if (!isPast) this.#flush(sending, queue);
  }

  /** Takes a compound RTCP packet of the receiver; a malformed one is ignored. */
  receive(datagram: Uint8Array): void {
    const { clock, peer, requestKeyFrame } = this.#setup;
    const nowMs = clock.monotonicMs();
    for (const packet of readReport(datagram)) {
      for (const { sender, figures, queue } of this.#sending) {
        figures.push(packet, clock.nowMs());
        if (packet.type === 'nack' && packet.source === sender.ssrc) {
          for (const again of sender.resend(packet.sequences, nowMs, figures.roundTripMs)) peer.send(again);
        }
        if (queue && this.#congestion.shouldDrop(figures, this.#bitrate, nowMs)) queue.dropToKeyFrame();
        if (queue?.waitsForKeyFrame) requestKeyFrame();
      }
      if (packet.type === 'pictureLoss' || packet.type === 'fullIntra') requestKeyFrame();
    }
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    clearInterval(this.#reports);
    clearTimeout(this.#pacing);
  }

  /** Sends what is due, and the rest when it is. */
  #flush(sending: Sending, queue: ViewerQueue): void {
    if (this.#isOver) return;
    const nowMs = this.#setup.clock.monotonicMs();
    for (const payload of queue.due(nowMs)) this.#send(sending.sender.packet(payload, nowMs));
    clearTimeout(this.#pacing);
    const { nextDueMs } = queue;
    if (nextDueMs === undefined) return;
    this.#pacing = setTimeout(() => this.#flush(sending, queue), Math.max(1, nextDueMs - nowMs));
  }

  #send(packet: RtpPieces): void {
    const bytes = packet.header.length + packet.payload.length;
    this.#bytes += bytes;
    this.sentBytes += bytes;
    this.#setup.peer.send(packet);
  }

  #report(): void {
    this.#bitrate = (this.#bytes * 8000) / REPORT_MS;
    this.#bytes = 0;
    const nowMs = this.#setup.clock.nowMs();
    for (const { sender } of this.#sending) {
      const report = sender.report(nowMs);
      if (report) this.#setup.peer.sendReport(report);
    }
  }
}

/** The packets of a report; none of a malformed one. */
function readReport(datagram: Uint8Array): ReturnType<typeof parseRtcp> {
  try {
    return parseRtcp(datagram);
  } catch (error) {
    if (error instanceof FormatError) return [];
    throw error;
  }
}
