/**
 * Whose packets an RTP session takes, and where its RTCP goes.
 * In: datagrams of its ports with their senders. Out: packets for the session; RTCP with its target.
 * Anyone can send to a UDP port: one address at a time is the sender, from its first media packet until it is
 * silent. RFC 3550 6.
 */

import type { RtpMedia } from '@oxbow/media/rtp/rtp-media';
import type { Clock } from '../../lib/clock.ts';
import { isRtcpReport } from '../udp/rtp-payload.ts';
import { LOCK_MS, SenderLock } from '../udp/sender-lock.ts';
import type { RtpSession } from './rtp-session.ts';
import type { MediaPorts } from './session-ports.ts';

/** What a peer is created with. */
interface RtpPeerOptions {
  readonly media: readonly RtpMedia[];
  readonly session: RtpSession;
  /** Addresses and networks of senders; empty: the first sender. */
  readonly senders: readonly string[];
  readonly clock: Clock;
}

interface Target {
  readonly address: string;
  readonly port: number;
}

/** The sender of one session. */
export class RtpPeer {
  readonly #options: RtpPeerOptions;
  readonly #locks: readonly SenderLock[];
  /** Where RTCP is sent, by media. */
  readonly #replyTo = new Map<number, Target>();
  #sender: string | undefined;
  #heardMs: number;
  #bytes = 0;
  #ignored = 0;

  constructor(options: RtpPeerOptions) {
    this.#options = options;
    this.#locks = options.media.map(() => new SenderLock(options.senders));
    this.#heardMs = options.clock.monotonicMs();
  }

  /** IP address of the sender; undefined before its first packet. */
  get sender(): string | undefined {
    return this.#sender;
  }

  /** Bytes of its packets, headers of RTP included. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Packets of others. */
  get ignored(): number {
    return this.#ignored;
  }

  /** How long no media has come: since the creation, until the first packet; ms. */
  get silentMs(): number {
    return this.#options.clock.monotonicMs() - this.#heardMs;
  }

  /**
   * Takes a datagram, or ignores it.
   *
   * @param kind of the port on which it came
   * @param packet may be kept, must not be changed afterwards
   * @throws FormatError as `RtpSession.receive`
   */
  receive(kind: 'rtp' | 'rtcp', mediaIndex: number, packet: Uint8Array, address: string, port: number): void {
    const { session } = this.#options;
    const isReport = isRtcpReport(packet);
    const isTaken = isReport
      ? this.#admitReport(mediaIndex, address, port)
      : kind === 'rtp' && this.#admitMedia(mediaIndex, packet, address, port);
    if (!isTaken) {
      this.#ignored++;
      return;
    }
    this.#bytes += packet.length;
    if (isReport) session.report(mediaIndex, packet);
    else session.receive(mediaIndex, packet);
  }

  /** Sends the RTCP that is due; to be called after each tick of the session. */
  send(reports: ReturnType<RtpSession['tick']>, ports: readonly MediaPorts[]): void {
    for (const { mediaIndex, packet } of reports) {
      const to = this.#replyTo.get(mediaIndex);
      if (!to || to.port > 65_535) continue;
      ports.find((each) => each.mediaIndex === mediaIndex)?.rtcp.transmit(packet, to.address, to.port);
    }
  }

  /** Reports come before the media that they belong to, and from other ports: only their address counts. */
  #admitReport(mediaIndex: number, address: string, port: number): boolean {
    if (this.#sender === undefined) return this.#locks[mediaIndex]!.allows(address);
    if (address !== this.#sender) return false;
    this.#replyTo.set(mediaIndex, { address, port });
    return true;
  }

  #admitMedia(mediaIndex: number, packet: Uint8Array, address: string, port: number): boolean {
    const nowMs = this.#options.clock.monotonicMs();
    const isOther = this.#sender !== undefined && this.#sender !== address;
    if (isOther && nowMs - this.#heardMs < LOCK_MS) return false;
    const admission = this.#locks[mediaIndex]!.admit(address, port, nowMs, this.#isMedia(mediaIndex, packet));
    if (admission === 'ignored') return false;
    if (isOther) this.#replyTo.clear();
    if (admission === 'first') {
      const { isMuxed } = this.#options.media[mediaIndex]!;
      this.#replyTo.set(mediaIndex, { address, port: isMuxed ? port : port + 1 });
    }
    this.#sender = address;
    this.#heardMs = nowMs;
    return true;
  }

  /** Whether this is RTP of an announced payload type. */
  #isMedia(mediaIndex: number, packet: Uint8Array): boolean {
    if (packet.length < 12 || packet[0]! >> 6 !== 2) return false;
    return this.#options.media[mediaIndex]!.formats.some(({ payloadType }) => payloadType === (packet[1]! & 0x7f));
  }
}
