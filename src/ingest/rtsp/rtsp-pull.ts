/**
 * Pulls from an RTSP server: a camera, a media server.
 * In: packets of the session. Out: runs and frames for the stream; an error when the session ends, after
 * which it is retried. RFC 2326; docs/2-sources/rtsp.md.
 */

import { isIP, type Socket } from 'node:net';
import { FormatError } from '@oxbow/media/errors';
import { type LeftOutTrack, namesOf } from '@oxbow/media/left-out';
import { parseRtpMedia, type RtpMedia } from '@oxbow/media/rtp/rtp-media';
import { RtspClient, RtspRefused } from '@oxbow/wire/rtsp/client';
import type { RtspAddress } from '@oxbow/wire/rtsp/rtsp-url';
import { controlUrl } from '@oxbow/wire/rtsp/transport';
import type { SourceFacts } from '../../api/source-facts.ts';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError, reasonOf } from '../../lib/errors.ts';
import { version } from '../../lib/version.ts';
import type { Net } from '../../net/net.ts';
import { type OpenTcpOptions, readWaiting } from '../../net/tcp.ts';
import type { PublisherConnection } from '../publisher.ts';
import type { PullLog } from '../pull/pull-log.ts';
import { RTP_TICK_MS, RtpSession, type RtpSessionOptions } from '../rtp/rtp-session.ts';
import { connectRtsp } from './connect.ts';
import { type RtspMediaTransport, setUpMedia } from './rtsp-media.ts';
import { startTick } from './shared-tick.ts';

/** A session without video and audio is given up after this time, ms. */
const SILENT_MS = 10_000;
/** TCP is read once for each picture of 25 a second: it loses nothing that a tick would request again. */
const READ_EVERY_MS = 40;
/** The same while no viewer waits for the pictures: a wake-up of the process costs as much as its read. */
const UNFOLLOWED_READ_EVERY_MS = 100;
/**
 * A camera that sends more bytes between two reads is read more often for a while: it must not wait for the
 * window of TCP.
 */
const MAX_UNFOLLOWED_BYTES = 256 * 1024;
const SOON_FOR_MS = 10_000;

/** What is pulled. */
interface RtspPullOptions {
  readonly address: RtspAddress;
  /** The address is from an administrator, so its host may be private. */
  readonly trusted: boolean;
  readonly net: Pick<Net, 'resolveHost'>;
  readonly input: RtpSessionOptions['input'] & {
    readonly connection?: Partial<Pick<PublisherConnection, 'isFollowed'>>;
  };
  readonly clock: Clock;
  readonly log: PullLog;
  /** `live.assemblyDeadline`, for MPEG-TS, ms. */
  readonly assemblyMs: number;
  /** As that of an RTP session. */
  readonly convertsVideo?: boolean | undefined;
  /** Called with the facts of the source, again when they change. */
  readonly onFacts?: ((facts: SourceFacts) => void) | undefined;
}

/**
 * Pulls until `signal` aborts (rejects with its reason) or the session ends.
 *
 * @throws OxbowError `source-failed` if the server does not answer, refuses, ends or sends nothing;
 *   `unsupported-media` without usable media; `address-refused`
 * @throws FormatError if it announces MPEG-TS and sends something else
 */
export async function runRtspPull(options: RtspPullOptions, { signal }: { signal: AbortSignal }): Promise<void> {
  const pull = new RtspPull(options);
  try {
    await pull.run(signal);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof OxbowError || error instanceof FormatError) throw error;
    throw failed(options, reasonOf(error), error);
  }
}

/** One session. */
class RtspPull {
  readonly #options: RtspPullOptions;
  /** Addresses of both ends of the connection. */
  #ends = { local: '', peer: '' };
  #client: RtspClient | undefined;
  #session: RtpSession | undefined;
  #transport: RtspMediaTransport | undefined;
  /** Of the session, for PLAY and TEARDOWN. */
  #url: string;
  #failure: unknown;
  #bytes = 0;
  #frames = 0;
  #framesMs = 0;
  #endTick: (() => void) | undefined;
  #tickMs = 0;
  /** Of `#bytes`, those that had come at the last read. */
  #readBytes = 0;
  #soonUntilMs = 0;

  constructor(options: RtspPullOptions) {
    this.#options = options;
    this.#url = options.address.requestUrl;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { address, clock, log } = this.#options;
    const client = await RtspClient.open(
      {
        address,
        userAgent: `oxbow/${version}`,
        connect: (to, within) => this.#connect(to, within),
        read: (socket, onBytes) => readWaiting(socket as Socket, onBytes),
        packet: (channel, packet) => this.#guard(() => this.#transport?.packet(channel, packet)),
      },
      { signal },
    );
    this.#client = client;
    const onAbort = () => void client.teardown(this.#url);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      signal.throwIfAborted();
      await this.#start(client);
      log.info({ transport: this.#transport?.transport }, 'the stream receives RTP over RTSP');
      this.#framesMs = clock.monotonicMs();
      this.#startTick(client);
      const why = await client.closed;
      this.#guard(() => this.#session?.end());
      throw this.#failure ?? failed(this.#options, `ended the session (${why})`);
    } finally {
      this.#endTick?.();
      signal.removeEventListener('abort', onAbort);
      client.close();
      await this.#transport?.close();
    }
  }

  async #connect(to: RtspAddress, within: OpenTcpOptions) {
    const socket = await connectRtsp(this.#options, to, within);
    this.#ends = { local: socket.localAddress ?? '', peer: socket.remoteAddress ?? '' };
    return socket;
  }

  async #start(client: RtspClient): Promise<void> {
    const { address, clock, input, assemblyMs, convertsVideo, onFacts } = this.#options;
    const { media: described, control } = parseRtpMedia(client.description);
    const media = withoutBackChannel(described);
    if (!media.some(({ isUsable }) => isUsable)) throw this.#unusable(media);
    this.#url = controlUrl(client.base, control);
    this.#session = new RtpSession({
      media,
      input,
      clock,
      assemblyMs,
      convertsVideo,
      onFacts,
      protocol: 'rtsp',
      isSeparate: true,
    });
    this.#transport = await setUpMedia({
      client,
      media,
      first: address.transport,
      isSecure: address.isSecure,
      ...this.#ends,
      take: (kind, mediaIndex, packet) => this.#guard(() => this.#take(kind, mediaIndex, packet)),
    });
    await client.play(this.#url);
  }

  #unusable(media: readonly RtpMedia[]): OxbowError {
    const leftOut: readonly LeftOutTrack[] = media.flatMap((each) => each.leftOut);
    const where = nameOf(this.#options.address);
    const content = leftOut.length === 0 ? 'no video or audio' : `nothing that oxbow supports: ${namesOf(leftOut)}`;
    return new OxbowError('unsupported-media', `${where} has ${content}.`);
  }

  #take(kind: 'rtp' | 'rtcp', mediaIndex: number, packet: Uint8Array): void {
    this.#bytes += packet.length;
    if (kind === 'rtp') this.#session?.receive(mediaIndex, packet);
    else this.#session?.report(mediaIndex, packet);
  }

  /** Reads at the interval that is due now; again after each read. */
  #startTick(client: RtspClient): void {
    const everyMs = this.#readEveryMs;
    if (everyMs === this.#tickMs) return;
    this.#endTick?.();
    this.#tickMs = everyMs;
    this.#endTick = startTick(() => {
      client.drain();
      // Since the last read, not in this one: where Node reads, the bytes come after it.
      if (this.#bytes - this.#readBytes > MAX_UNFOLLOWED_BYTES)
        this.#soonUntilMs = this.#options.clock.monotonicMs() + SOON_FOR_MS;
      this.#readBytes = this.#bytes;
      this.#guard(() => this.#tick());
      this.#startTick(client);
    }, everyMs);
  }

  get #readEveryMs(): number {
    if (this.#transport?.transport !== 'tcp') return RTP_TICK_MS;
    const { input, clock } = this.#options;
    const mayWait = input.connection?.isFollowed === false && clock.monotonicMs() >= this.#soonUntilMs;
    return mayWait ? UNFOLLOWED_READ_EVERY_MS : READ_EVERY_MS;
  }

  #tick(): void {
    const session = this.#session!;
    const { clock, input } = this.#options;
    for (const { mediaIndex, packet } of session.tick()) this.#transport!.report(mediaIndex, packet);
    const { packets, lost, retransmitted, dropped } = session.stats;
    const stats = input.connection?.stats;
    if (stats) {
      stats.bytesIn = this.#bytes;
      stats.packets = packets;
      stats.lost = lost;
      stats.retransmitted = retransmitted;
      stats.dropped = dropped;
    }
    const nowMs = clock.monotonicMs();
    if (session.frames !== this.#frames) this.#framesMs = nowMs;
    this.#frames = session.frames;
    if (nowMs - this.#framesMs < SILENT_MS) return;
    const isBlocked = packets === 0 && this.#transport!.transport === 'udp';
    const hint = isBlocked ? ' over UDP; remove transport=udp from the address if a firewall is between' : '';
    throw failed(this.#options, `has sent no video or audio for ${SILENT_MS / 1000} s${hint}`);
  }

  /** The first failure ends the session. */
  #guard(work: () => void): void {
    if (this.#failure !== undefined) return;
    try {
      work();
    } catch (error) {
      this.#failure = error;
      void this.#client?.teardown(this.#url);
    }
  }
}

/**
 * Media for sound that a client sends to the loudspeaker of a camera is not read (ONVIF Streaming
 * Specification 5.3).
 */
export function withoutBackChannel(media: readonly RtpMedia[]): readonly RtpMedia[] {
  const isBack = ({ kind, direction }: RtpMedia) => kind === 'audio' && direction === 'sendonly';
  if (media.every((each) => isBack(each))) return media;
  return media.map((each) => (isBack(each) ? { ...each, isUsable: false, leftOut: [] } : each));
}

function failed({ address }: RtspPullOptions, why: string, cause?: unknown): OxbowError {
  const isRefused = cause instanceof RtspRefused && cause.status === 401;
  return new OxbowError('source-failed', `${nameOf(address)} ${why}.`, {
    ...(cause !== undefined && { cause }),
    ...(isRefused && { extra: { reason: 'credentials', sourceStatus: 401 } }),
  });
}

/** For messages: without user name, password, path and query. */
export function nameOf({ isSecure, host, port }: RtspAddress): string {
  return `${isSecure ? 'rtsps' : 'rtsp'}://${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}
