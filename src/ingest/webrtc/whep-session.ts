/**
 * One viewer over WHEP.
 * In: payloads of the feed of a stream, feedback of the viewer. Out: RTP and RTCP packets. draft-ietf-wish-whep, docs/3-watch/whep.md.
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../../lib/clock.ts';
import { FormatError } from '../../lib/errors.ts';
import type { Frame } from '../../media/frame.ts';
import { parseRtcp } from '../../media/rtp/rtcp.ts';
import { CongestionWatch } from '../../media/rtp/send/congestion.ts';
import { createPacketExtensions } from '../../media/rtp/send/header-extensions.ts';
import { ReceiverFigures } from '../../media/rtp/send/receiver-figures.ts';
import { RtpSender } from '../../media/rtp/send/sender.ts';
import { ViewerQueue } from '../../media/rtp/send/viewer-queue.ts';
import { ViewerTimeline } from '../../media/rtp/send/viewer-timeline.ts';
import type { IceCandidate, WebRtcDescription } from '../../media/sdp/webrtc-description.ts';
import type { WebRtcEndpoint } from '../../wire/webrtc/endpoint.ts';
import type { IceCredentials } from '../../wire/webrtc/ice/ice-session.ts';
import type { Peer } from '../../wire/webrtc/peer.ts';
import { type AcceptedViewer, type SentTrack, sentExtensions } from './accept-viewer.ts';
import type { FeedRun, FeedViewer, ViewerFeed } from './viewer-feed.ts';

/** Interval of sender reports, ms. */
const REPORT_MS = 1000;

/** What a session needs. */
export interface WhepSetup {
  readonly endpoint: WebRtcEndpoint;
  readonly offer: WebRtcDescription;
  readonly accepted: AcceptedViewer;
  readonly local: IceCredentials;
  readonly feed: ViewerFeed;
  readonly clock: Clock;
}

/** One track that is sent. */
interface Sending {
  readonly track: SentTrack;
  readonly sender: RtpSender;
  readonly figures: ReceiverFigures;
  /** Of video: its frames are paced, and dropped when the viewer is slow. */
  readonly queue: ViewerQueue | undefined;
  encoding: string | undefined;
}

/** A session from its offer to its end. */
export class WhepSession implements FeedViewer {
  /** Role in DTLS, as the answer says it. */
  readonly setup: 'active' | 'passive';
  /** Resolves when the session is over, with the reason. */
  readonly ended: Promise<string>;
  readonly #setup: WhepSetup;
  readonly #peer: Peer;
  readonly #timeline = new ViewerTimeline();
  readonly #congestion = new CongestionWatch();
  readonly #sending: readonly Sending[];
  readonly #resolve: (reason: string) => void;
  #reports: NodeJS.Timeout | undefined;
  #pacing: NodeJS.Timeout | undefined;
  #bytes = 0;
  #bitrate = 0;

  constructor(setup: WhepSetup) {
    const { offer, endpoint, accepted, local } = setup;
    this.#setup = setup;
    ({ promise: this.ended, resolve: this.#resolve } = Promise.withResolvers<string>());
    this.setup = offer.setup === 'passive' ? 'active' : 'passive';
    const numbers = { next: 0 };
    const name = randomBytes(9).toString('base64url');
    const timestampOffset = randomBytes(4).readUInt32BE();
    this.#sending = accepted.tracks.map((track): Sending => {
      const { kind, ssrc, payloadType, clockRate, repair, mid, extensions: ids } = track;
      const [midId, sendTime] = [ids.get(sentExtensions.mid), ids.get(sentExtensions.sendTime)];
      const extensions = createPacketExtensions(
        { ...(midId !== undefined && { mid: midId }), ...(sendTime !== undefined && { absoluteSendTime: sendTime }) },
        mid,
        numbers,
      );
      // In the lower half, so that the first packets cannot wrap before SRTP knows the counter (RFC 3711 3.3.1).
      const firstSequence = randomBytes(2).readUInt16BE() & 0x7fff;
      const sender = new RtpSender({
        ...{ kind, ssrc, payloadType, clockRate, firstSequence, timestampOffset, name, extensions },
        timeline: this.#timeline,
        ...(repair && { retransmission: { ...repair, firstSequence, extensions } }),
      });
      const figures = new ReceiverFigures(ssrc, clockRate);
      return { track, sender, figures, queue: kind === 'video' ? new ViewerQueue() : undefined, encoding: undefined };
    });
    this.#peer = endpoint.openPeer({
      role: 'answer',
      dtls: this.setup === 'active' ? 'client' : 'server',
      local,
      remote: offer,
      onConnected: () => this.#begin(),
      onPacket: () => {},
      onReport: (packet) => this.#receive(packet),
      onClosed: (reason) => this.end(reason ?? 'the viewer left'),
    });
  }

  /** Adds a candidate of the client (trickle ICE). */
  addCandidate(candidate: IceCandidate): void {
    this.#peer.addCandidate(candidate);
  }

  end(reason: string): void {
    clearInterval(this.#reports);
    clearTimeout(this.#pacing);
    this.#setup.feed.remove(this);
    this.#peer.close();
    this.#resolve(reason);
  }

  startRun({ context, tracks }: FeedRun): void {
    this.#timeline.startRun(context.run, context.startUs);
    for (const sending of this.#sending) {
      const own = tracks.find(({ id }) => id === sending.track.trackId);
      const encoding = own?.packetizer?.format.encoding;
      if (!own || !encoding || (sending.encoding !== undefined && sending.encoding !== encoding)) {
        this.end('the codecs of the stream have changed: open a new session');
        return;
      }
      sending.encoding = encoding;
      sending.sender.startRun(own.timescale);
      sending.queue?.startRun();
    }
  }

  write(frame: Frame, payloads: readonly Uint8Array[], isPast: boolean): void {
    const sending = this.#sending.find(({ track }) => track.trackId === frame.trackId);
    if (!sending) return;
    const { queue, sender, track } = sending;
    const nowMs = this.#setup.clock.monotonicMs();
    if (!queue) {
      // Sound of the past cannot be skipped through: the viewer begins with the present.
      if (!isPast) for (const packet of sender.packets(frame, payloads, nowMs)) this.#send(packet);
      return;
    }
    const durationMs = (frame.duration * 1000) / track.clockRate;
    queue.write(frame, sender.timestampOf(frame), payloads, durationMs, nowMs);
    if (!isPast) this.#flush(sending, queue);
  }

  #begin(): void {
    const { feed } = this.#setup;
    feed.add(this);
    for (const sending of this.#sending) if (sending.queue) this.#flush(sending, sending.queue);
    this.#report();
    this.#reports = setInterval(() => this.#report(), REPORT_MS);
  }

  /** Sends what is due, and the rest when it is. */
  #flush(sending: Sending, queue: ViewerQueue): void {
    const nowMs = this.#setup.clock.monotonicMs();
    for (const payload of queue.due(nowMs)) this.#send(sending.sender.packet(payload, nowMs));
    clearTimeout(this.#pacing);
    const { nextDueMs } = queue;
    if (nextDueMs === undefined) return;
    this.#pacing = setTimeout(() => this.#flush(sending, queue), Math.max(1, nextDueMs - nowMs));
  }

  #send(packet: Uint8Array): void {
    this.#bytes += packet.length;
    this.#peer.send(packet);
  }

  #report(): void {
    this.#bitrate = (this.#bytes * 8000) / REPORT_MS;
    this.#bytes = 0;
    const nowMs = this.#setup.clock.nowMs();
    for (const { sender } of this.#sending) {
      const report = sender.report(nowMs);
      if (report) this.#peer.sendReport(report);
    }
  }

  #receive(datagram: Uint8Array): void {
    const { clock, feed } = this.#setup;
    const nowMs = clock.monotonicMs();
    for (const packet of readReport(datagram)) {
      for (const { sender, figures, queue } of this.#sending) {
        figures.push(packet, clock.nowMs());
        if (packet.type === 'nack' && packet.source === sender.ssrc) {
          for (const again of sender.resend(packet.sequences, nowMs, figures.roundTripMs)) this.#peer.send(again);
        }
        if (queue && this.#congestion.shouldDrop(figures, this.#bitrate, nowMs)) queue.dropToKeyFrame();
        if (queue?.waitsForKeyFrame) feed.requestKeyFrame();
      }
      if (packet.type === 'pictureLoss' || packet.type === 'fullIntra') feed.requestKeyFrame();
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
