/**
 * Receives RTP on the ports of an SDP file as a source of a stream.
 * In: the file, datagrams. Out: runs and frames for the stream; gaps while the sender is silent. RFC 8866,
 * docs/3-publish/rtp.md.
 */

import type { RtpMedia } from '@oxbow/media/rtp/rtp-media';
import type { SdpAddress } from '../../config/sdp-url.ts';
import type { PullLog } from '../pull/pull-log.ts';
import type { UdpCounters } from '../udp/udp-source.ts';
import { openFixedPorts } from './fixed-ports.ts';
import { RtpPeer } from './rtp-peer.ts';
import { RTP_TICK_MS, RtpSession, type RtpSessionOptions } from './rtp-session.ts';
import { readSdpFile } from './sdp-file.ts';
import { closePorts, type MediaPorts } from './session-ports.ts';

/** A sender that is silent for this long is down, ms. */
const DOWN_MS = 5000;
const noFigures = { bytes: 0, ignored: 0, packets: 0, lost: 0, retransmitted: 0, dropped: 0 };

/** What a source is read with. */
interface SdpSourceOptions extends Pick<RtpSessionOptions, 'clock' | 'assemblyMs' | 'convertsVideo' | 'onFacts'> {
  readonly address: SdpAddress;
  readonly input: RtpSessionOptions['input'];
  readonly log: PullLog;
  readonly counters?: UdpCounters | undefined;
}

/**
 * Receives until `signal` aborts; then rejects with its reason. A sender that is silent is a gap, and the
 * ports stay open.
 *
 * @throws OxbowError `source-failed` if the file cannot be read, has no usable media, or a port cannot be
 *   opened
 * @throws FormatError if the file is no SDP, or its sender sends something else than it announces
 */
export async function runSdpSource(options: SdpSourceOptions, { signal }: { signal: AbortSignal }): Promise<void> {
  const { address } = options;
  const media = await readSdpFile(address.path);
  const receiver = new SdpReceiver(options, media);
  const ended = Promise.withResolvers<never>();
  const onAbort = () => ended.reject(signal.reason);
  const guard = (work: () => void) => {
    try {
      work();
    } catch (error) {
      ended.reject(error);
    }
  };
  const ports = await openFixedPorts(media, address, {
    receive: (...datagram) => guard(() => receiver.take(...datagram)),
    // Senders without RTCP refuse its packets.
    onError: () => undefined,
  });
  const timer = setInterval(() => guard(() => receiver.tick(ports)), RTP_TICK_MS);
  try {
    signal.throwIfAborted();
    signal.addEventListener('abort', onAbort, { once: true });
    await ended.promise;
  } finally {
    signal.removeEventListener('abort', onAbort);
    clearInterval(timer);
    await closePorts(ports);
    receiver.close();
  }
}

/** Senders of one source, one after the other. */
class SdpReceiver {
  readonly #options: SdpSourceOptions;
  readonly #media: readonly RtpMedia[];
  #session: RtpSession;
  #peer: RtpPeer;
  #isDown = false;
  /** Of this sender, as they were counted. */
  #counted = noFigures;

  constructor(options: SdpSourceOptions, media: readonly RtpMedia[]) {
    this.#options = options;
    this.#media = media;
    [this.#session, this.#peer] = this.#open();
  }

  take(...datagram: Parameters<RtpPeer['receive']>): void {
    const before = this.#peer.sender;
    this.#peer.receive(...datagram);
    const { sender } = this.#peer;
    if (sender === before) return;
    this.#isDown = false;
    this.#options.log.info({ sender }, 'the stream receives RTP');
  }

  tick(ports: readonly MediaPorts[]): void {
    this.#peer.send(this.#session.tick(), ports);
    this.#count();
    if (this.#isDown || this.#peer.silentMs < DOWN_MS) return;
    // What comes later is another session, with its own clocks.
    this.close();
    [this.#session, this.#peer] = this.#open();
    this.#isDown = true;
    this.#options.input.absent('source-down', `no RTP packets have come for ${DOWN_MS / 1000} s`);
  }

  close(): void {
    this.#count();
    this.#session.end();
  }

  #open(): [RtpSession, RtpPeer] {
    const { input, clock, assemblyMs, convertsVideo, onFacts, address } = this.#options;
    const media = this.#media;
    const session = new RtpSession({
      media,
      input,
      clock,
      assemblyMs,
      convertsVideo,
      onFacts,
      protocol: 'rtp',
      isSeparate: true,
    });
    this.#counted = noFigures;
    return [session, new RtpPeer({ media, session, senders: address.senders, clock })];
  }

  #count(): void {
    const { counters, input } = this.#options;
    const { bytes, ignored } = this.#peer;
    const now = { bytes, ignored, ...this.#session.stats };
    const before = this.#counted;
    this.#counted = now;
    if (now.packets > before.packets) counters?.datagrams(now.packets - before.packets);
    if (ignored > before.ignored) counters?.otherSenders(ignored - before.ignored);
    const stats = input.connection?.stats;
    if (!stats) return;
    stats.bytesIn += bytes - before.bytes;
    for (const name of ['packets', 'lost', 'retransmitted', 'dropped'] as const) {
      stats[name] = (stats[name] ?? 0) + now[name] - before[name];
    }
  }
}
