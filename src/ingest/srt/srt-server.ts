/**
 * The SRT listener: many callers on one UDP port, which publish MPEG-TS or request a live stream as MPEG-TS.
 * In: callers with their stream ids. Out: publisher sessions; MPEG-TS of live streams; rejections with the
 * codes of libsrt. docs/3-publish/srt.md.
 */

import { openSrtListener } from '@oxbow/wire/srt/open-listener';
import { type SrtRejectReason, srtRejections } from '@oxbow/wire/srt/rejection';
import type { SrtAnswer, SrtChannel, SrtConnection, SrtListener, SrtRejection, SrtRequest } from '@oxbow/wire/srt/srt';
import { readUdpDrops } from '@oxbow/wire/srt/udp-drops';
import type { Endpoint } from '../../config/address.ts';
import type { Clock } from '../../lib/clock.ts';
import { messageOf, OxbowError } from '../../lib/errors.ts';
import type { Log } from '../../observe/log.ts';
import type { Metrics } from '../../observe/metrics.ts';
import { ClientPlaces, undecidedBounds, viewerBounds } from '../client/client-places.ts';
import { addressOf } from '../client/remote-address.ts';
import { type PublishAccess, StreamElsewhere, type StreamSettings } from '../publish-access.ts';
import { untilRefused } from '../viewer-access.ts';
import { type CallerLink, passCaller, TakenCallers } from './passed-callers.ts';
import { publishConnection } from './srt-publishing.ts';
import { sendLive } from './srt-reading.ts';
import { rejectionOf } from './srt-rejection.ts';
import { parseStreamId, type StreamIdRequest } from './stream-id.ts';

/** Interval in which the access of a viewer is checked again, ms. */
const CHECK_MS = 10_000;

/** What the server is opened with. */
interface SrtServerSetup {
  readonly listen: Endpoint;
  /** A socket that is bound there already; see UdpPlace. */
  readonly fd?: number | undefined;
  /** The other processes of this server, which have streams too; undefined: there are none. */
  readonly siblings?: CallerLink | undefined;
  readonly access: PublishAccess;
  /** Default of a stream's latency, ms. */
  readonly latencyMs: number;
  /** Default of a stream's passphrase; undefined: not encrypted. */
  readonly passphrase: string | undefined;
  /** `live.assemblyDeadline`, ms. */
  readonly assemblyMs: number;
  /** Connections at a time, publishers and viewers together. */
  readonly maxCallers: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** A running server. */
interface SrtServer {
  readonly port: number;
  /** For callers whose datagrams come another way: bonded ones. */
  readonly channels: Pick<SrtListener, 'receiveThrough' | 'closeThrough'>;
  /** Ends all connections, and resolves when their sessions have ended. */
  close(): Promise<void>;
}

/**
 * Opens the port.
 *
 * @throws the error of the system if the port is in use or the address is not of this computer
 */
export async function openSrtServer(setup: SrtServerSetup): Promise<SrtServer> {
  const server = new SrtCallers(setup);
  const { listen, fd, siblings, latencyMs, maxCallers, clock, log, metrics } = setup;
  const failed = (error: unknown) => log.warn({ error: messageOf(error) }, 'passing SRT callers on failed');
  const listener = await openSrtListener({
    address: listen.address,
    port: listen.port,
    fd,
    latencyMs,
    maxConnections: maxCallers,
    accept: (request) => server.accept(request),
    onRejected: (rejection) => server.report(rejection, srtRejections[rejection.reason].text),
    onError(error) {
      if (!(error instanceof Error) || error instanceof OxbowError) return;
      log.error({ error: messageOf(error), stack: error.stack }, 'an SRT connection failed');
    },
  });
  const stopCounting = countDrops(listener.port, metrics);
  const nowMs = () => clock.monotonicMs();
  const taken = siblings && new TakenCallers({ link: siblings, listener, maxCallers, nowMs, failed });
  return {
    port: listener.port,
    channels: listener,
    async close() {
      stopCounting();
      await taken?.[Symbol.asyncDispose]();
      await listener.close();
      await server.ended();
    },
  };
}

/** Counts what the system dropped before this process read it. */
function countDrops(port: number, metrics: Metrics): () => void {
  let counted = 0;
  return metrics.beforeScrape(async () => {
    const drops = (await readUdpDrops(port)) ?? 0;
    if (drops > counted) metrics.srtSocketDrops.inc(drops - counted);
    counted = drops;
  });
}

/** What a caller becomes when it is accepted. */
interface Admitted {
  readonly settings: StreamSettings;
  /** Owns the connection from now on; resolves when it has ended. */
  run(connection: SrtConnection): Promise<void>;
  /** The connection does not come. */
  abandon(): void;
}

/** Decides about callers, and owns their connections. */
export class SrtCallers {
  readonly #setup: Omit<SrtServerSetup, 'listen'>;
  readonly #running = new Set<Promise<void>>();
  readonly #viewers: ClientPlaces;
  readonly #undecided: ClientPlaces;

  constructor(setup: Omit<SrtServerSetup, 'listen'>) {
    this.#setup = setup;
    this.#viewers = new ClientPlaces(viewerBounds(setup.maxCallers));
    this.#undecided = new ClientPlaces(undecidedBounds(setup.maxCallers));
  }

  /** Resolves when no connection is left. */
  async ended(): Promise<void> {
    await Promise.all(this.#running);
  }

  /**
   * The answer to a caller. A place is taken before anything is awaited, so that callers who wait have a
   * bound too.
   */
  async accept(request: SrtRequest): Promise<SrtAnswer> {
    const parsed = parseStreamId(request.streamId);
    if ('reject' in parsed) return this.#reject(request, parsed.reject, parsed.why);
    if (request.channel && parsed.mode === 'request') {
      return this.#reject(request, 'bad-mode', 'bonded callers can only publish; players use the port of SRT');
    }
    const secret = parsed.mode === 'publish' ? parsed.key : parsed.token;
    const places = parsed.mode === 'publish' ? this.#undecided : this.#viewers;
    const leave = places.take(addressOf(request.remote));
    if (!leave) return this.#reject(request, 'backlog', 'too many callers, of this address or in all');
    let admitted: Admitted;
    try {
      admitted = await this.#admit(request, parsed);
      if (parsed.mode === 'publish') leave();
    } catch (error) {
      leave();
      if (error instanceof StreamElsewhere) return this.#passOn(error.process, request.channel);
      if (error instanceof Unencrypted) return this.#reject(request, 'unsecure', error.message);
      if (error instanceof OxbowError) {
        return this.#reject(request, rejectionOf(error.code, secret !== undefined), error.message);
      }
      if (request.signal.aborted) return { reject: 'close' };
      throw error;
    }
    const { settings } = admitted;
    let isConnected = false;
    // The connection comes at once, or not at all: its passphrase is wrong, or the caller has gone.
    setImmediate(() => {
      if (isConnected) return;
      leave();
      admitted.abandon();
    });
    return {
      passphrase: this.#passphraseOf(settings),
      latencyMs: settings.latencyMs ?? this.#setup.latencyMs,
      onConnection: (connection) => {
        isConnected = true;
        this.#own(admitted.run(connection).finally(leave));
      },
    };
  }

  #passOn(process: string, channel: SrtChannel | undefined): SrtAnswer {
    const { siblings, log, metrics } = this.#setup;
    metrics.srtPassed.inc();
    if (channel) {
      channel.move?.(process);
      return { forward: () => ({ send() {}, close() {} }) };
    }
    const failed = (error: unknown) => log.warn({ error: messageOf(error) }, 'passing an SRT caller on failed');
    return { forward: (caller) => passCaller(siblings!, process, caller, failed) };
  }

  /** Where a caller cannot be passed on, the stream comes here. */
  #canPass({ isForwarded, channel }: SrtRequest): boolean {
    if (this.#setup.siblings === undefined) return false;
    return channel ? channel.move !== undefined : !isForwarded;
  }

  #admit(request: SrtRequest, parsed: StreamIdRequest): Promise<Admitted> {
    return parsed.mode === 'publish' ? this.#admitPublisher(request, parsed) : this.#admitViewer(request, parsed);
  }

  async #admitPublisher(
    request: SrtRequest,
    { name, key, user }: StreamIdRequest & { mode: 'publish' },
  ): Promise<Admitted> {
    const { access, clock, log, assemblyMs } = this.#setup;
    let settings: StreamSettings = {};
    // Of the session: it ends with the connection, or when there will be none.
    const ending = new AbortController();
    const onGone = () => ending.abort(request.signal.reason);
    request.signal.addEventListener('abort', onGone, { once: true });
    const publisher = await access.publish({
      protocol: request.channel ? 'srtla' : 'srt',
      remote: request.remote,
      signal: ending.signal,
      name,
      key,
      userAgent: userAgentOf(request, user),
      canPass: this.#canPass(request),
      onStream: (streamSettings) => {
        settings = streamSettings;
        this.#assertEncryption(request, streamSettings);
      },
    });
    request.signal.removeEventListener('abort', onGone);
    return {
      settings,
      run: (connection) =>
        publishConnection(connection, publisher, { clock, log, assemblyMs, channel: request.channel }),
      abandon: () => publisher.close('the publisher did not connect'),
    };
  }

  async #admitViewer(
    request: SrtRequest,
    { name, token, user }: StreamIdRequest & { mode: 'request' },
  ): Promise<Admitted> {
    const { access, log } = this.#setup;
    const { remote, signal } = request;
    let settings: StreamSettings = {};
    const reader = { protocol: 'srt', remote, name, token, userAgent: userAgentOf(request, user) } as const;
    const source = await access.read({
      ...reader,
      signal,
      canPass: this.#canPass(request),
      onStream: (streamSettings) => {
        settings = streamSettings;
        this.#assertEncryption(request, streamSettings);
      },
    });
    const refused = (ended: AbortSignal) => untilRefused(access, { ...reader, signal: ended }, CHECK_MS);
    return { settings, run: (connection) => sendLive(connection, source, { name, log, refused }), abandon() {} };
  }

  #passphraseOf({ passphrase }: StreamSettings): string | undefined {
    return passphrase ?? this.#setup.passphrase;
  }

  /**
   * Both sides are encrypted or neither is: checked before the caller takes the place of another publisher.
   */
  #assertEncryption({ encrypted }: SrtRequest, settings: StreamSettings): void {
    const isRequired = this.#passphraseOf(settings) !== undefined;
    if (isRequired === encrypted > 0) return;
    throw new Unencrypted(
      isRequired
        ? 'The stream requires a passphrase (SRT).'
        : 'The stream has no passphrase, but the caller uses one (SRT).',
    );
  }

  #reject(request: SrtRequest, reason: SrtRejectReason, why: string): SrtAnswer {
    this.report({ ...request, reason }, why);
    return { reject: reason };
  }

  /** Logs and counts a rejected caller. */
  report({ remote, streamId, reason }: SrtRejection, why: string): void {
    const { log, metrics } = this.#setup;
    metrics.srtRejected.inc({ reason });
    const fields = { remote, mode: modeOf(streamId), code: srtRejections[reason].code - 1000, why };
    log.info(fields, 'an SRT caller was rejected');
  }

  #own(running: Promise<void>): void {
    this.#running.add(running);
    running.then(
      () => this.#running.delete(running),
      (error: unknown) => {
        // A bug ends this connection, not the process.
        this.#running.delete(running);
        this.#setup.metrics.bugs.inc();
        this.#setup.log.error({ error: messageOf(error), stack: (error as Error).stack }, 'an SRT connection failed');
      },
    );
  }
}

/** The caller is encrypted and the stream is not, or the other way round. */
class Unencrypted extends OxbowError {
  constructor(detail: string) {
    super('publish-denied', detail);
  }
}

/** The caller as it names itself. */
function userAgentOf({ peerVersion }: SrtRequest, user: string | undefined): string {
  return user === undefined ? `SRT ${peerVersion}` : `${user} (SRT ${peerVersion})`;
}

/** What of a stream id may be logged: never its key. */
function modeOf(streamId: string): string {
  const parsed = parseStreamId(streamId);
  return 'reject' in parsed ? 'unknown' : `${parsed.mode}:${parsed.name ?? ''}`;
}
