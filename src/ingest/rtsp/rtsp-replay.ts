/**
 * Reads a range of UTC of what an RTSP server has recorded: a camera or network video recorder (ONVIF
 * replay), or any server that knows `Range: clock=`.
 * In: an address, a range. Out: frames with their UTC by the clock of the server, as fast as it sends them;
 * TCP slows it down. RFC 2326 3.7 and 10.5; ONVIF Streaming Specification 6.
 */
import type { Socket } from 'node:net';
import { FormatError } from '@oxbow/media/errors';
import { parseRtcp } from '@oxbow/media/rtp/rtcp';
import { parseRtpMedia, type RtpMedia } from '@oxbow/media/rtp/rtp-media';
import { RtspClient, RtspRefused } from '@oxbow/wire/rtsp/client';
import type { RtspFields, RtspResponse } from '@oxbow/wire/rtsp/message';
import { parseClockStart, parseRtpInfo, printClockRange } from '@oxbow/wire/rtsp/replay-fields';
import type { RtspAddress } from '@oxbow/wire/rtsp/rtsp-url';
import { controlUrl, printInterleaved } from '@oxbow/wire/rtsp/transport';
import { withDeadline } from '../../lib/abort.ts';
import { OxbowError, reasonOf } from '../../lib/errors.ts';
import { version } from '../../lib/version.ts';
import type { Net } from '../../net/net.ts';
import { connectRtsp } from './connect.ts';
import { type ReplayedFrames, ReplayReader, type ReplayStart } from './replay-reader.ts';
import { nameOf, withoutBackChannel } from './rtsp-pull.ts';

/** Frames that wait for their reader before the server is slowed down, bytes. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;
/** A server that sends nothing for this long has sent all, ms; after a packet that ends a stretch sooner. */
const SILENT_MS = 5000;
const ENDED_MS = 1000;
/** Names the extension that replays; servers without it answer with 551 (Option not supported). */
const ONVIF: RtspFields = { Require: 'onvif-replay' };
const OPTION_NOT_SUPPORTED = 551;

/** What is read. */
interface RtspReplayOptions {
  readonly address: RtspAddress;
  /** The address is from an administrator, so its host may be private. */
  readonly trusted: boolean;
  readonly net: Pick<Net, 'resolveHost'>;
  /** UTC by the clock of the server, ms since 1970. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Most bytes of packets; the replay ends there. */
  readonly maxBytes: number;
}

/**
 * Reads a range from front to back, once. Frames before it may come, because a server begins with a key
 * frame. Ending the loop early closes the session.
 *
 * @throws RtspRefused if the server refuses, such as with 404 or 457 (Invalid Range); OxbowError
 *   `source-failed` if it does not answer, or does not replay by UTC (`extra.reason` is `no-replay`);
 *   `unsupported-media`; `address-refused`; the signal's reason
 */
export async function* replayRtsp(
  options: RtspReplayOptions,
  { signal }: { signal: AbortSignal },
): AsyncGenerator<ReplayedFrames, void> {
  const replay = new RtspReplay(options);
  try {
    await replay.open({ signal });
    yield* replay.frames({ signal });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof OxbowError || error instanceof RtspRefused) throw error;
    throw new OxbowError('source-failed', `${nameOf(options.address)} ${reasonOf(error)}.`, { cause: error });
  } finally {
    await replay.close();
  }
}

/** One session. */
class RtspReplay {
  readonly #options: RtspReplayOptions;
  /** Media by the channel of their packets. */
  readonly #channels = new Map<number, number>();
  /** Channels of reports whose media have not said goodbye. */
  readonly #open = new Set<number>();
  #client: RtspClient | undefined;
  #socket: Socket | undefined;
  #url: string;
  #media: readonly RtpMedia[] = [];
  #reader: ReplayReader | undefined;
  /** Packets that came before the response to PLAY. */
  #early: (readonly [number, Uint8Array])[] = [];
  #bytes = 0;
  #changed = Promise.withResolvers<void>();
  #closedBy: string | undefined;

  constructor(options: RtspReplayOptions) {
    this.#options = options;
    this.#url = options.address.requestUrl;
  }

  async open({ signal }: { signal: AbortSignal }): Promise<void> {
    const { address } = this.#options;
    const client = await RtspClient.open(
      {
        address,
        userAgent: `oxbow/${version}`,
        connect: async (to, within) => {
          const onBytes = (bytes: Uint8Array) => within.onBytes(bytes) && !this.#holdBack();
          this.#socket = await connectRtsp(this.#options, to, { signal: within.signal, onBytes });
          return this.#socket;
        },
        packet: (channel, packet) => this.#take(channel, packet),
      },
      { signal },
    );
    this.#client = client;
    void client.closed.then((why) => {
      this.#closedBy = why;
      this.#changed.resolve();
    });
    const { media, control } = parseRtpMedia(client.description);
    this.#media = withoutBackChannel(media);
    this.#url = controlUrl(client.base, control);
    const onAbort = () => client.close();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await this.#play(client);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  async *frames({ signal }: { signal: AbortSignal }): AsyncGenerator<ReplayedFrames, void> {
    const reader = this.#reader!;
    const { toMs, maxBytes } = this.#options;
    for (;;) {
      const runs = reader.take();
      if (this.#socket?.isPaused()) this.#socket.resume();
      yield* runs;
      if (runs.length > 0) continue;
      if (reader.utcMs === undefined && this.#bytes > 0) throw this.#failed('sends packets without times', 'no-replay');
      const isOver = (reader.utcMs !== undefined && reader.utcMs >= toMs) || this.#open.size === 0;
      if (isOver || reader.isLast || this.#bytes > maxBytes || this.#closedBy !== undefined) break;
      if (!(await this.#wait(reader.isEnd ? ENDED_MS : SILENT_MS, { signal }))) break;
    }
    if (this.#closedBy !== undefined && this.#bytes === 0) throw this.#failed(`ended the session (${this.#closedBy})`);
    reader.end();
    yield* reader.take();
  }

  async close(): Promise<void> {
    await this.#client?.teardown(this.#url);
  }

  async #play(client: RtspClient): Promise<void> {
    const { fromMs, toMs, address } = this.#options;
    if (!this.#media.some(({ isUsable }) => isUsable)) {
      throw new OxbowError(
        'unsupported-media',
        `${nameOf(address)} has no recorded video or audio that oxbow supports.`,
      );
    }
    const require = await this.#setUp(client);
    const rate: RtspFields = require.Require === undefined ? {} : { 'Rate-Control': 'no' };
    const headers = await client.play(this.#url, { ...require, ...rate, Range: printClockRange(fromMs, toMs) });
    this.#reader = new ReplayReader(this.#media, this.#startOf(headers));
    for (const [mediaIndex, packet] of this.#early.splice(0)) this.#reader.push(mediaIndex, packet);
  }

  /** Sets up all media. @returns the fields that PLAY needs */
  async #setUp(client: RtspClient): Promise<RtspFields> {
    let require = ONVIF;
    let next = 0;
    for (const [mediaIndex, { isUsable, control }] of this.#media.entries()) {
      if (!isUsable) continue;
      const url = controlUrl(client.base, control);
      const setup = () => client.setup(url, printInterleaved(next), require);
      const chosen = await setup().catch((error: unknown) => {
        const isOther = error instanceof RtspRefused && error.status === OPTION_NOT_SUPPORTED;
        if (!isOther || require !== ONVIF) throw error;
        require = {};
        return setup();
      });
      if (!chosen.isInterleaved) throw new Error('answers SETUP over TCP with another transport');
      const [rtp, rtcp] = chosen.channels ?? [next, next + 1];
      this.#channels.set(rtp, mediaIndex);
      this.#open.add(rtcp);
      next += 2;
    }
    return require;
  }

  /** Where the media begins by the response; undefined where it has no UTC. */
  #startOf(headers: RtspResponse['headers']): ReplayStart | undefined {
    const utcMs = parseClockStart(headers.get('range'));
    if (utcMs === undefined) return undefined;
    const { base } = this.#client!;
    const rtpTimes = new Map<number, number>();
    for (const { url, rtpTime } of parseRtpInfo(headers.get('rtp-info'))) {
      const mediaIndex = this.#media.findIndex(({ control }) => controlUrl(base, control) === controlUrl(base, url));
      if (mediaIndex >= 0 && rtpTime !== undefined) rtpTimes.set(mediaIndex, rtpTime);
    }
    return { utcMs, rtpTimes };
  }

  #take(channel: number, packet: Uint8Array): void {
    if (this.#open.has(channel) && saysGoodbye(packet)) {
      this.#open.delete(channel);
      this.#changed.resolve();
    }
    const mediaIndex = this.#channels.get(channel);
    if (mediaIndex === undefined || this.#bytes > this.#options.maxBytes) return;
    this.#bytes += packet.length;
    if (this.#reader) this.#reader.push(mediaIndex, packet);
    // A copy: the bound is of all memory that is kept, and a packet keeps what was read with it.
    else if (this.#bytes <= MAX_WAITING_BYTES) this.#early.push([mediaIndex, new Uint8Array(packet)]);
    this.#changed.resolve();
  }

  /** Stops reading where much waits. @returns whether it does */
  #holdBack(): boolean {
    const isFull = (this.#reader?.waitingBytes ?? 0) > MAX_WAITING_BYTES;
    if (isFull) this.#socket?.pause();
    return isFull;
  }

  /** Waits for a packet or the end. @returns false: nothing came in this time */
  async #wait(ms: number, { signal }: { signal: AbortSignal }): Promise<boolean> {
    this.#changed = Promise.withResolvers();
    if (this.#closedBy !== undefined) return true;
    using deadline = withDeadline(ms, 'a packet', { signal });
    const late = new Promise<boolean>((resolve) => {
      deadline.signal.addEventListener('abort', () => resolve(false), { once: true });
    });
    const came = await Promise.race([this.#changed.promise.then(() => true), late]);
    signal.throwIfAborted();
    return came;
  }

  #failed(why: string, reason?: string): OxbowError {
    const extra = reason === undefined ? {} : { reason };
    return new OxbowError('source-failed', `${nameOf(this.#options.address)} ${why}.`, { extra });
  }
}

/** Whether RTCP ends a media, RFC 3550 6.6. */
function saysGoodbye(packet: Uint8Array): boolean {
  try {
    return parseRtcp(packet).some(({ type }) => type === 'bye');
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return false;
  }
}
