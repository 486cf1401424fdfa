/**
 * Receives MPEG-TS over UDP (unicast and multicast, also in RTP) as a source of a stream.
 * In: datagrams of one sender. Out: runs and frames for the stream; gaps while the sender is silent.
 */
import type { RemoteInfo } from 'node:dgram';
import type { UdpAddress } from '../../config/udp-url.ts';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError, sentenceOf } from '../../lib/errors.ts';
import { FEED_TICK_MS, TsFeed, type TsFeedOptions } from '../mpegts/ts-feed.ts';
import type { PublisherStats } from '../publisher-stats.ts';
import type { PullLog } from '../pull/pull-log.ts';
import { isRtcpReport, rtpPayloadAt } from './rtp-payload.ts';
import { LOCK_MS, SenderLock } from './sender-lock.ts';
import { openUdpSocket, textOf } from './udp-socket.ts';

/** A feed that is silent for this long is down, ms. */
const DOWN_MS = 5000;

/** Counters of a feed; called every half second, with what came since. */
export interface UdpCounters {
  /** Datagrams of the sender. */
  datagrams(count: number): void;
  /** Datagrams of other senders, which were ignored. */
  otherSenders(count: number): void;
}

/** What a feed over UDP is read with. */
interface UdpSourceOptions extends Omit<TsFeedOptions, 'protocol' | 'program' | 'input'> {
  readonly address: UdpAddress;
  readonly input: TsFeedOptions['input'];
  readonly log: PullLog;
  readonly counters?: UdpCounters | undefined;
}

/**
 * Receives until `signal` aborts; then rejects with its reason. A sender that is silent is a gap, and the
 * port stays open.
 *
 * @throws OxbowError `source-failed` if the port cannot be opened or fails
 * @throws FormatError if the feed is not MPEG-TS, or has no program with supported media
 */
export async function runUdpSource(options: UdpSourceOptions, { signal }: { signal: AbortSignal }): Promise<void> {
  const { address } = options;
  const socket = await openUdpSocket(address);
  const receiver = new UdpReceiver(options);
  const ended = Promise.withResolvers<never>();
  const onAbort = () => ended.reject(signal.reason);
  const guard = (work: () => void) => {
    try {
      work();
    } catch (error) {
      ended.reject(error);
    }
  };
  const timer = setInterval(() => guard(() => receiver.tick()), FEED_TICK_MS);
  try {
    signal.throwIfAborted();
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('error', (error) => {
      const detail = `${textOf(address)}: ${sentenceOf(error)}`;
      ended.reject(new OxbowError('source-failed', detail, { cause: error }));
    });
    socket.on('message', (bytes, from) => guard(() => receiver.take(bytes, from)));
    await ended.promise;
  } finally {
    signal.removeEventListener('abort', onAbort);
    clearInterval(timer);
    socket.removeAllListeners('message');
    socket.close();
    receiver.close();
  }
}

/** The datagrams of one socket. */
class UdpReceiver {
  readonly #options: UdpSourceOptions;
  readonly #clock: Clock;
  readonly #lock: SenderLock;
  readonly #feed: TsFeed;
  readonly #stats: PublisherStats | undefined;
  #isRtp = false;
  #taken = 0;
  #ignored = 0;
  /** Of the last datagram, or of the start; ms of the monotonic clock. */
  #heardMs: number;
  #isInterrupted = true;
  #isDown = false;
  #frames = 0;
  #framesMs: number;
  #isIgnoringLogged = false;

  constructor(options: UdpSourceOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#lock = new SenderLock(options.address.senders);
    this.#feed = new TsFeed({ ...options, protocol: 'udp', program: options.address.program });
    this.#stats = options.input.connection?.stats;
    this.#heardMs = this.#framesMs = this.#clock.monotonicMs();
  }

  take(bytes: Uint8Array, { address, port }: RemoteInfo): void {
    const nowMs = this.#clock.monotonicMs();
    const admission = this.#lock.admit(address, port, nowMs, !isRtcpReport(bytes));
    if (admission === 'ignored') {
      this.#ignored++;
      if (!this.#isIgnoringLogged) this.#logIgnored(address, port);
      return;
    }
    if (admission === 'first') this.#begin(bytes);
    this.#taken++;
    this.#heardMs = nowMs;
    this.#isInterrupted = false;
    if (this.#stats) this.#stats.bytesIn += bytes.length;
    if (!this.#isRtp) {
      this.#feed.push(bytes);
      return;
    }
    const at = rtpPayloadAt(bytes);
    if (at !== undefined) this.#feed.push(bytes.subarray(at));
  }

  tick(): void {
    if (!this.#feed.tick()) return;
    const nowMs = this.#clock.monotonicMs();
    const { input, address } = this.#options;
    this.#count();
    if (this.#frames !== this.#feed.frames) {
      this.#frames = this.#feed.frames;
      this.#framesMs = nowMs;
      this.#isDown = false;
    }
    if (!this.#isInterrupted && nowMs - this.#heardMs >= LOCK_MS) {
      this.#isInterrupted = true;
      this.#feed.interrupt();
    }
    if (this.#isDown || nowMs - this.#framesMs < DOWN_MS) return;
    this.#isDown = true;
    const isSilent = nowMs - this.#heardMs >= LOCK_MS;
    const seconds = DOWN_MS / 1000;
    input.absent(
      'source-down',
      isSilent
        ? `no packets have come to ${textOf(address)} for ${seconds} s`
        : `${textOf(address)} has sent no video or audio that oxbow can read for ${seconds} s`,
    );
  }

  close(): void {
    this.#count();
    this.#feed.end();
  }

  #count(): void {
    const { counters } = this.#options;
    counters?.datagrams(this.#taken);
    counters?.otherSenders(this.#ignored);
    this.#taken = this.#ignored = 0;
  }

  /** A sender was locked. */
  #begin(bytes: Uint8Array): void {
    this.#isRtp = rtpPayloadAt(bytes) !== undefined;
    this.#isIgnoringLogged = false;
    if (!this.#isInterrupted) this.#feed.interrupt();
    this.#options.log.info({ sender: this.#lock.sender, rtp: this.#isRtp }, 'the stream receives MPEG-TS over UDP');
  }

  #logIgnored(address: string, port: number): void {
    this.#isIgnoringLogged = true;
    const fields = { ignored: `${address}:${port}`, sender: this.#lock.sender };
    this.#options.log.warn(fields, 'datagrams of another sender are ignored');
  }
}
