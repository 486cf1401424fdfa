/**
 * One RTP session of the API with its ports: the packets of one sender become frames of a publisher session.
 * In: datagrams. Out: frames; RTCP to the sender; the end after silence. RFC 3550 6, docs/3-publish/rtp.md.
 */

import { FormatError } from '@oxbow/media/errors';
import type { RtpMedia } from '@oxbow/media/rtp/rtp-media';
import type { RtpSessionView } from '../../api/realtime/rtp-shapes.ts';
import type { Endpoint } from '../../config/address.ts';
import type { Clock } from '../../lib/clock.ts';
import { messageOf, OxbowError, reasonOf, sentenceOf } from '../../lib/errors.ts';
import type { Log } from '../../observe/log.ts';
import type { Publisher } from '../publisher.ts';
import { RtpPeer } from './rtp-peer.ts';
import { RTP_TICK_MS, RtpSession } from './rtp-session.ts';
import { closePorts, type MediaPorts, openSessionPorts, type PortHandlers } from './session-ports.ts';

/** A session without media ends after this time, ms. */
export const IDLE_MS = 10_000;
/** The first packet has to come within this time, ms. */
export const FIRST_MS = 60_000;

/** What a receiver needs. */
interface ReceiverSetup {
  readonly publisher: Publisher;
  readonly media: readonly RtpMedia[];
  /** Where to listen, from which port on. */
  readonly listen: Endpoint;
  /** Addresses and networks of senders; empty: the first sender. */
  readonly senders: readonly string[];
  readonly assemblyMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** Receives one session. */
export class RtpReceiver {
  /** Resolves when the session is over and its ports are closed. */
  readonly ended: Promise<void>;
  readonly #setup: ReceiverSetup;
  readonly #session: RtpSession;
  readonly #peer: RtpPeer;
  #ports: readonly MediaPorts[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isLogged = false;
  readonly #onEnded: () => void;

  private constructor(setup: ReceiverSetup) {
    const { publisher, media, clock, senders, assemblyMs } = setup;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#setup = setup;
    this.#session = new RtpSession({
      media,
      input: publisher,
      clock,
      assemblyMs,
      convertsVideo: true,
      protocol: 'rtp',
      isSeparate: true,
    });
    this.#peer = new RtpPeer({ media, session: this.#session, senders, clock });
    this.#onEnded = () => {
      clearInterval(this.#timer);
      void closePorts(this.#ports).then(resolve);
    };
  }

  /**
   * Opens the ports.
   * @throws OxbowError `not-ready` if none are free; the publisher session is the caller's then
   */
  static async open(setup: ReceiverSetup): Promise<RtpReceiver> {
    const receiver = new RtpReceiver(setup);
    const { publisher, listen, media, log } = setup;
    const handlers: PortHandlers = {
      receive: (...datagram) => receiver.#guard(() => receiver.#receive(...datagram)),
      onError: (error) => log.debug({ error: messageOf(error) }, 'an RTCP packet was not sent'),
    };
    receiver.#ports = await openSessionPorts(listen, media, handlers);
    receiver.#timer = setInterval(() => receiver.#guard(() => receiver.#tick()), RTP_TICK_MS);
    publisher.signal.addEventListener('abort', receiver.#onEnded, { once: true });
    if (publisher.signal.aborted) receiver.#onEnded();
    return receiver;
  }

  /** The figures of the API. */
  get figures(): Pick<RtpSessionView, 'sender' | 'packets' | 'lost' | 'ignored'> {
    const { packets, lost } = this.#session.stats;
    return { sender: this.#peer.sender ?? null, packets, lost, ignored: this.#peer.ignored };
  }

  /** The ports by media, in the order of the description. */
  get ports(): readonly { readonly mediaIndex: number; readonly rtpPort: number; readonly rtcpPort: number }[] {
    return this.#ports.map(({ mediaIndex, rtp, rtcp }) => ({ mediaIndex, rtpPort: rtp.port, rtcpPort: rtcp.port }));
  }

  /** A key frame with the next RTCP. */
  requestKeyFrame(): void {
    this.#session.requestKeyFrame();
  }

  /** Ends the session. @param isOver the broadcast is over, as opposed to a sender that is lost */
  end(detail: string, isOver: boolean): void {
    const { publisher } = this.#setup;
    this.#guard(() => this.#session.end());
    publisher.connection.isOver = isOver;
    publisher.close(detail);
  }

  #receive(...datagram: Parameters<RtpPeer['receive']>): void {
    this.#peer.receive(...datagram);
    const { sender } = this.#peer;
    if (this.#isLogged || sender === undefined) return;
    this.#isLogged = true;
    this.#setup.log.info({ sender }, 'the stream receives RTP');
  }

  #tick(): void {
    const { publisher } = this.#setup;
    const { sender, silentMs, bytes } = this.#peer;
    if (silentMs >= (sender === undefined ? FIRST_MS : IDLE_MS)) {
      this.end(`no RTP packets came for ${Math.floor(silentMs / 1000)} s`, false);
      return;
    }
    this.#peer.send(this.#session.tick(), this.#ports);
    const { packets, lost, retransmitted, dropped } = this.#session.stats;
    Object.assign(publisher.connection.stats, { bytesIn: bytes, packets, lost, retransmitted, dropped });
  }

  /** Malformed packets count as damage; a bug ends this publisher, not the process. */
  #guard(work: () => void): void {
    const { publisher, log } = this.#setup;
    if (publisher.signal.aborted) return;
    try {
      work();
    } catch (error) {
      if (!(error instanceof FormatError)) {
        log.error({ error: messageOf(error), stack: (error as Error).stack }, 'an RTP publisher failed');
      }
      publisher.close(reasonOf(error), new OxbowError('not-ready', sentenceOf(error)));
    }
  }
}
