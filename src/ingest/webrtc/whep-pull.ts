/**
 * Pulls from a WHEP server: another oxbow, a media server, a platform.
 * In: packets of the connection. Out: runs and frames for the stream; an error when the session ends, after
 * which it is retried. draft-ietf-wish-whep; docs/2-sources/whep.md.
 */
import { isIP } from 'node:net';
import { FormatError } from '@oxbow/media/errors';
import type { WebRtcDescription } from '@oxbow/media/sdp/webrtc-description';
import type { SourceFacts } from '../../api/source-facts.ts';
import type { WebRtcAddress } from '../../config/webrtc-url.ts';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError, reasonOf } from '../../lib/errors.ts';
import type { Net } from '../../net/net.ts';
import type { PullLog } from '../pull/pull-log.ts';
import { RTP_TICK_MS, RtpSession, type RtpSessionOptions } from '../rtp/rtp-session.ts';
import { connectWebRtc, type WebRtcClient } from './client/client.ts';
import { OfferRefused } from './client/signalling.ts';
import { receivedMedia, webRtcOf, whepOffer } from './whep-offer.ts';

/** A session without video and audio is given up after this time, ms. */
const SILENT_MS = 10_000;
/**
 * A key frame is requested when the last one is this old: recordings can be cut only there, ms.
 * docs/media.md 30
 */
const KEY_INTERVAL_MS = 4000;

/** What is pulled. */
interface WhepPullOptions {
  readonly address: WebRtcAddress;
  /** The address is from an administrator, so its host may be private. */
  readonly trusted: boolean;
  readonly net: Pick<Net, 'fetch' | 'resolveHost'>;
  readonly input: RtpSessionOptions['input'];
  readonly clock: Clock;
  readonly log: PullLog;
  /** Called with the facts of the source, again when they change. */
  readonly onFacts?: ((facts: SourceFacts) => void) | undefined;
}

/**
 * Pulls until `signal` aborts (rejects with its reason) or the session ends.
 *
 * @throws OxbowError `source-failed` if the server does not answer, refuses, ends or sends nothing;
 *   `unsupported-media` if it sends nothing of the offer; `address-refused`
 */
export async function runWhepPull(options: WhepPullOptions, { signal }: { signal: AbortSignal }): Promise<void> {
  const pull = new WhepPull(options);
  try {
    await pull.run(signal);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof OxbowError) throw error;
    throw failed(options, reasonOf(error), error);
  }
}

/** One session. */
class WhepPull {
  readonly #options: WhepPullOptions;
  #session: RtpSession | undefined;
  #frames = 0;
  #framesMs = 0;
  #keyMs = 0;
  #keyFrames = 0;
  #failure: unknown;
  readonly #failed = Promise.withResolvers<void>();

  constructor(options: WhepPullOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { address, trusted, net, clock, log } = this.#options;
    const client = await connectWebRtc({
      url: address.url,
      key: address.key,
      trusted,
      net,
      clock,
      signal,
      media: whepOffer(),
      onAnswer: (answer) => this.#open(answer),
      onPacket: (packet) => this.#guard(() => this.#session?.receive(undefined, packet)),
      onReport: (packet) => this.#guard(() => this.#session?.report(undefined, packet)),
    });
    log.info({ remote: client.peer.remote }, 'the stream receives RTP over WHEP');
    this.#framesMs = this.#keyMs = clock.monotonicMs();
    const timer = setInterval(() => this.#guard(() => this.#tick(client)), RTP_TICK_MS);
    const onAbort = () => this.#failed.resolve();
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    try {
      const why = await Promise.race([client.closed, this.#failed.promise]);
      this.#guard(() => this.#session?.end());
      signal.throwIfAborted();
      throw this.#failure ?? failed(this.#options, `ended the session (${why})`);
    } finally {
      clearInterval(timer);
      signal.removeEventListener('abort', onAbort);
      await client.close();
    }
  }

  #open(answer: WebRtcDescription): void {
    const { input, clock, onFacts } = this.#options;
    const media = receivedMedia(answer);
    if (!media.some(({ isUsable }) => isUsable)) {
      const why = 'sends no video or audio that oxbow offers to take: H.264, HEVC, AV1, VP9, VP8; Opus, G.711';
      throw new OxbowError('unsupported-media', `${nameOf(this.#options.address)} ${why}.`);
    }
    this.#session = new RtpSession({
      media,
      input,
      clock,
      onFacts,
      webRtc: webRtcOf(answer),
      protocol: 'whep',
      isSeparate: false,
      assemblyMs: 0,
    });
  }

  #tick({ peer }: WebRtcClient): void {
    const session = this.#session!;
    const { clock, input } = this.#options;
    const nowMs = clock.monotonicMs();
    if (session.keyFrames !== this.#keyFrames) {
      this.#keyFrames = session.keyFrames;
      this.#keyMs = nowMs;
    } else if (nowMs - this.#keyMs >= KEY_INTERVAL_MS) {
      this.#keyMs = nowMs;
      session.requestKeyFrame();
    }
    for (const { packet } of session.tick()) peer.sendReport(packet);
    const { packets, lost, retransmitted, dropped } = session.stats;
    const { bytesIn } = peer.stats;
    if (input.connection) Object.assign(input.connection.stats, { bytesIn, packets, lost, retransmitted, dropped });
    if (session.frames !== this.#frames) this.#framesMs = nowMs;
    this.#frames = session.frames;
    if (nowMs - this.#framesMs < SILENT_MS) return;
    throw failed(this.#options, `has sent no video or audio for ${SILENT_MS / 1000} s`);
  }

  /** The first failure ends the session; malformed packets are damage. */
  #guard(work: () => void): void {
    if (this.#failure !== undefined) return;
    try {
      work();
    } catch (error) {
      if (error instanceof FormatError) {
        this.#options.input.damage(error.message);
        return;
      }
      this.#failure = error;
      this.#failed.resolve();
    }
  }
}

function failed({ address }: WhepPullOptions, why: string, cause?: unknown): OxbowError {
  const status = cause instanceof OfferRefused ? cause.status : undefined;
  const isRefused = status === 401 || status === 403;
  return new OxbowError('source-failed', `${nameOf(address)} ${why}.`, {
    ...(cause !== undefined && { cause }),
    ...(isRefused && { extra: { reason: 'credentials', sourceStatus: status } }),
  });
}

/** For messages: without path, query and key. */
function nameOf({ url, host, port }: WebRtcAddress): string {
  return `whep+${url.protocol}//${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}
