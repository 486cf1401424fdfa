/**
 * The RTMP server on one port, with or without TLS: encoders connect and publish, players play where the
 * settings allow it.
 * In: connections, PublishAccess. Out: publisher sessions, live streams; metrics; the port.
 * docs/3-publish/rtmp.md.
 */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls';
import { FormatError } from '@oxbow/media/errors';
import { capsEx, type ServerAbilities } from '@oxbow/wire/rtmp/commands';
import { acceptRtmp } from '@oxbow/wire/rtmp/server';
import {
  type RtmpConnection,
  type RtmpEnd,
  type RtmpLimits,
  RtmpPassed,
  type RtmpPhase,
  type RtmpPlayback,
  type RtmpPlayRequest,
  type RtmpPublication,
  type RtmpPublishRequest,
  RtmpRefusal,
  rtmpLimits,
} from '@oxbow/wire/rtmp/server-contract';
import type { PassedClient, ProcessLink } from '../../cluster/processes/process-link.ts';
import type { Endpoint } from '../../config/address.ts';
import { messageOf, OxbowError, refusalRow } from '../../lib/errors.ts';
import { reportBug } from '../../observe/errors/report-bug.ts';
import type { Log } from '../../observe/log.ts';
import type { Metrics } from '../../observe/metrics.ts';
import { FirstBytes } from '../client/first-bytes.ts';
import { type PassTarget, passConnection, passSecured } from '../client/pass-connection.ts';
import { addressOf } from '../client/remote-address.ts';
import { layerChoiceOf } from '../layer-choice.ts';
import { type PublishAccess, StreamElsewhere, type StreamSettings } from '../publish-access.ts';
import type { Publisher } from '../publisher.ts';
import type { Admission, ConnectionLimits } from './connection-limits.ts';
import { Playback } from './play.ts';
import { Publication } from './publication.ts';
import { APPLICATION, applicationOf, playNameOf, publishNameOf } from './publish-name.ts';
import { readShared } from './shared-reads.ts';
import { SuccessorChoice, type Successors } from './successors.ts';

/** What oxbow takes of enhanced RTMP. */
const abilities: ServerAbilities = {
  video: ['avc1', 'hvc1', 'av01', 'vp08', 'vp09'],
  audio: ['mp4a', 'Opus', 'ac-3', 'ec-3', '.mp3', 'fLaC'],
  capsEx: capsEx.reconnect | capsEx.multitrack | capsEx.modEx | capsEx.timestampNanoOffset,
};
/** TCP keepalive begins after this time without data, ms. */
const KEEP_ALIVE_MS = 10_000;
/** Status of a client that may not play, or not any more. */
const PLAY_FAILED = 'NetStream.Play.Failed';
/** After a close, connections that have not ended are cut, ms. */
const CLOSE_WITHIN_MS = 2500;
/** Of it, the time that publishers have to connect again: streams are closed after two seconds. */
const RECONNECT_WITHIN_MS = 1500;

const NOWHERE: Successors = { fixed: undefined, nodes: [] };

/** A certificate and its key, PEM. */
interface RtmpCertificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** What a server needs. */
export interface RtmpServerSetup {
  /** With its address filled in; port 0 picks a free one. */
  readonly listen: Endpoint;
  /** The other processes, which share the port (Linux). */
  readonly siblings?: Pick<ProcessLink, 'pass' | 'takeClients'> | undefined;
  readonly access: PublishAccess;
  /** Shared by the servers of RTMP and RTMPS. */
  readonly limits: ConnectionLimits;
  /** A publisher that sends nothing for this long is disconnected, ms. */
  readonly idleMs: number;
  /** Clients may play live streams. */
  readonly play: boolean;
  /**
   * Where publishers are led when this server stops, or when another node has their stream; undefined: to the
   * address that they have.
   *
   * @param only the name of the other node
   */
  readonly successors?: ((only?: string) => Promise<Successors>) | undefined;
  /** Fires when publishers should go elsewhere, if somewhere is known. They are served until `close`. */
  readonly leaving?: AbortSignal | undefined;
  readonly metrics: Metrics;
  readonly log: Log;
  /** With a certificate the port is RTMPS. */
  readonly certificate?: RtmpCertificate | undefined;
}

/** A server that listens. */
export interface RtmpServer extends AsyncDisposable {
  readonly port: number;
  /** Uses another certificate for new connections. */
  use(certificate: RtmpCertificate): void;
  /**
   * Accepts no new connections, ends publishers in order, resolves when all connections have ended. May be
   * called twice.
   */
  close(): Promise<void>;
}

/**
 * Listens.
 *
 * @throws the system's error if it cannot listen, e.g. EADDRINUSE
 */
export async function openRtmpServer(setup: RtmpServerSetup): Promise<RtmpServer> {
  const server = new RtmpPort(setup);
  await server.listen();
  return server;
}

class RtmpPort implements RtmpServer {
  readonly #setup: RtmpServerSetup;
  readonly #protocol: 'rtmp' | 'rtmps';
  readonly #server: Server;
  readonly #limits: RtmpLimits;
  readonly #clients = new Set<Client>();
  readonly #uncount: () => void;
  readonly #takeNone: (() => void) | undefined;
  readonly #onLeaving = () => void this.#leave();
  #context: SecureContext | undefined;
  #closing: Promise<void> | undefined;
  /** Set when publishers are led away. */
  #choice: SuccessorChoice | undefined;

  constructor(setup: RtmpServerSetup) {
    this.#setup = setup;
    this.#protocol = setup.certificate ? 'rtmps' : 'rtmp';
    if (setup.certificate) this.use(setup.certificate);
    this.#limits = { ...rtmpLimits, idleMs: setup.idleMs };
    const options = { noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS, pauseOnConnect: true };
    this.#server = createServer(options, (socket) => this.#accept(socket));
    this.#uncount = setup.metrics.beforeScrape(() => {
      for (const client of this.#clients) client.count();
    });
    setup.leaving?.addEventListener('abort', this.#onLeaving, { once: true });
    this.#takeNone = setup.siblings?.takeClients(this.#protocol, (client, socket) => this.#accept(socket, client));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async listen(): Promise<void> {
    const { listen, siblings } = this.#setup;
    const { address: host, port } = listen;
    const reusePort = siblings !== undefined;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    this.#server.listen({ host, port, backlog: 1024, reusePort }, resolve);
    await promise;
    this.#server.off('error', reject);
    this.#server.on('error', (error) => this.#setup.log.error({ error: messageOf(error) }, 'the RTMP server failed'));
  }

  use({ cert, key }: RtmpCertificate): void {
    this.#context = createSecureContext({ cert, key, minVersion: 'TLSv1.2' });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#takeNone?.();
    this.#setup.leaving?.removeEventListener('abort', this.#onLeaving);
    this.#server.close(() => resolve());
    await this.#leadAway();
    for (const client of this.#clients) client.leave();
    const late = setTimeout(() => {
      for (const client of this.#clients) client.cut();
    }, CLOSE_WITHIN_MS);
    await promise;
    await Promise.all(Array.from(this.#clients, ({ ended }) => ended));
    clearTimeout(late);
    this.#uncount();
  }

  /** A drain begins: publishers go while they are still served. Never rejects. */
  async #leave(): Promise<void> {
    const choice = await this.#findSuccessors();
    // Without an address they would come back to this server.
    if (this.#closing || !choice.isKnown(this.#protocol)) return;
    this.#choice = choice;
    for (const client of this.#clients) client.leadTo(choice);
  }

  async #findSuccessors(): Promise<SuccessorChoice> {
    return new SuccessorChoice((await this.#setup.successors?.()) ?? NOWHERE);
  }

  /** Publishers that can connect again leave by themselves: they lose no picture. */
  async #leadAway(): Promise<void> {
    if (!Array.from(this.#clients).some(({ canBeLed }) => canBeLed)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    // The search for other nodes is part of it.
    const timer = setTimeout(resolve, RECONNECT_WITHIN_MS);
    const choice = this.#choice ?? (await this.#findSuccessors());
    const leaving = Array.from(this.#clients).filter((client) => client.leadTo(choice));
    await Promise.race([promise, Promise.all(leaving.map(({ ended }) => ended))]);
    clearTimeout(timer);
  }

  /** @param passed by another process, which has read its first bytes */
  #accept(socket: Socket, passed?: PassedClient): void {
    const { limits, metrics } = this.#setup;
    const protocol = this.#protocol;
    let client: Client | undefined;
    const address = passed ? addressOf(passed.remote) : (socket.remoteAddress ?? '');
    const admission = limits.admit(address, () => client?.drop());
    if (!admission) {
      metrics.rtmpEnded.inc({ protocol, reason: 'crowded' });
      socket.on('error', () => undefined);
      socket.destroy();
      return;
    }
    const made = new Client(socket, {
      ...this.#setup,
      protocol,
      admission,
      context: passed ? undefined : this.#context,
      times: this.#limits,
      passed,
      choice: () => this.#choice,
    });
    client = made;
    this.#clients.add(made);
    void made.ended.then(() => {
      admission.ended();
      this.#clients.delete(made);
    });
  }
}

interface ClientSetup extends RtmpServerSetup {
  readonly protocol: 'rtmp' | 'rtmps';
  readonly admission: Admission;
  readonly context: SecureContext | undefined;
  readonly times: RtmpLimits;
  readonly passed: PassedClient | undefined;
  /** Where publishers are led at once; undefined: nowhere. */
  readonly choice: () => SuccessorChoice | undefined;
}

/** One connection. */
class Client {
  /** Resolves when the socket has closed. */
  readonly ended: Promise<void>;
  readonly #socket: Socket;
  /** On the socket, if it has TLS. */
  readonly #secured: TLSSocket | undefined;
  readonly #setup: ClientSetup;
  readonly #connection: RtmpConnection;
  readonly #remote: string;
  /** Undefined: it cannot be passed on. */
  readonly #firstBytes: FirstBytes | undefined;
  #phase: RtmpPhase = 'handshake';
  #stream: string | undefined;
  #publisher: Publisher | undefined;
  #passTo: PassTarget | undefined;
  #countedBytes = 0;
  #countedSentBytes = 0;

  constructor(accepted: Socket, setup: ClientSetup) {
    this.#setup = setup;
    const { context, protocol, metrics, passed, siblings } = setup;
    this.#remote = passed?.remote ?? `${accepted.remoteAddress ?? ''}:${accepted.remotePort ?? 0}`;
    if (siblings && !passed) this.#firstBytes = new FirstBytes();
    metrics.rtmpConnections.inc({ protocol, phase: 'handshake' });
    const receive = (bytes: Uint8Array) => {
      this.#firstBytes?.add(bytes);
      this.#connection.push(bytes);
    };
    const socket = context ? accepted : readShared(accepted, receive);
    this.#socket = socket;
    this.ended = new Promise((resolve) => socket.once('close', () => resolve()));
    this.#secured = context && new TLSSocket(socket, { isServer: true, secureContext: context });
    const plain = this.#secured ?? socket;
    this.#connection = acceptRtmp(
      plain,
      {
        abilities,
        connect: ({ app }) => checkApplication(app),
        publish: (request) => this.#publish(request),
        play: setup.play ? (request) => this.#play(request) : undefined,
        phase: (phase) => this.#enter(phase),
        closed: (end, detail, error) => this.#closed(end, detail, error),
      },
      setup.times,
    );
    if (passed) this.#replay(Buffer.from(passed.received, 'base64'));
    if (!context) return;
    plain.on('data', receive);
    plain.once('close', () => socket.destroy());
  }

  #replay(bytes: Uint8Array): void {
    this.#countedBytes = bytes.length; // by the process that has read them
    this.#connection.replay(bytes);
  }

  /** Another connection takes its place. */
  drop(): void {
    this.#setup.metrics.rtmpEnded.inc({ protocol: this.#setup.protocol, reason: 'crowded' });
    this.#connection.destroy('server', 'too many half-open connections');
    this.#setup.admission.ended();
  }

  /** It publishes, and can be led to another server. */
  get canBeLed(): boolean {
    return this.#connection.canReconnect;
  }

  /**
   * The server will close: a publisher that can connects again, and is asked once.
   *
   * @returns whether it can
   */
  leadTo(choice: SuccessorChoice): boolean {
    const { connection } = this.#publisher ?? {};
    if (!connection || !this.canBeLed) return false;
    if (connection.isLedAway) return true;
    connection.isLedAway = true;
    return this.#connection.requestReconnect('oxbow is stopping. Connect again.', choice.next(this.#setup.protocol));
  }

  /** The server closes: publishers and players get a status. */
  leave(): void {
    if (hasMedia(this.#phase)) {
      const code = 'NetConnection.Connect.AppShutdown';
      this.#connection.refuse({ level: 'error', code, description: 'oxbow is stopping.' });
    } else {
      this.cut();
    }
  }

  /** Closes at once. */
  cut(): void {
    this.#connection.destroy('server', 'oxbow is stopping');
    this.#socket.destroy();
  }

  #enter(phase: RtmpPhase): void {
    const { protocol, metrics, admission } = this.#setup;
    metrics.rtmpConnections.dec({ protocol, phase: this.#phase });
    if (phase !== 'closed') metrics.rtmpConnections.inc({ protocol, phase });
    if (hasMedia(phase)) {
      admission.published();
      this.#firstBytes?.drop();
    } else if (hasMedia(this.#phase) && phase !== 'closed') admission.unpublished();
    this.#phase = phase;
    this.count();
  }

  /** Adds the bytes since the last call to the metric. */
  count(): void {
    const { protocol, metrics } = this.#setup;
    const total = Math.max(this.#countedBytes, this.#connection?.totalBytes ?? 0); // less while bytes are replayed
    metrics.rtmpBytes.inc({ protocol }, total - this.#countedBytes);
    this.#countedBytes = total;
    const sent = this.#connection?.sentBytes ?? 0;
    metrics.rtmpSentBytes.inc({ protocol }, sent - this.#countedSentBytes);
    this.#countedSentBytes = sent;
  }

  async #publish(request: RtmpPublishRequest): Promise<RtmpPublication> {
    const { access, protocol } = this.#setup;
    const { name, key } = publishNameOf(request);
    let publisher: Publisher;
    let choice = layerChoiceOf({});
    const onStream = (settings: StreamSettings) => {
      choice = layerChoiceOf(settings);
    };
    try {
      const { signal, flashVer } = request;
      const userAgent = flashVer === '' ? undefined : flashVer;
      const client = { protocol, remote: this.#remote, signal, userAgent, canPass: this.#canPass };
      publisher = await access.publish({ ...client, name, key, onStream, onMoving: request.accept });
    } catch (error) {
      this.#passElsewhere(error);
      throw refusalOf(error, 'NetStream.Publish.BadName');
    }
    this.#stream = name;
    this.#publisher = publisher;
    const successors = this.#setup.choice();
    if (successors) setImmediate(() => this.leadTo(successors)); // when the client has the answer
    publisher.connection.stats.encoder = request.flashVer;
    publisher.signal.addEventListener('abort', () => void this.#ended(publisher.signal.reason), { once: true });
    return new Publication(publisher, {
      choice,
      totalBytes: () => this.#connection.totalBytes,
      warn: (description) =>
        this.#connection.notify({ level: 'warning', code: 'NetStream.Publish.Warning', description }),
    });
  }

  async #play(request: RtmpPlayRequest): Promise<RtmpPlayback> {
    const { access, protocol, log } = this.#setup;
    const { name, token } = playNameOf(request);
    const { signal, flashVer } = request;
    const userAgent = flashVer === '' ? undefined : flashVer;
    const read = (canPass = false) =>
      access.read({ name, token, protocol, remote: this.#remote, signal, userAgent, canPass });
    try {
      const source = await read(this.#canPass);
      this.#stream = name;
      return new Playback({
        source,
        fourCcs: request.fourCcs,
        read,
        refuse: (error) => this.#connection.refuse({ level: 'error', code: PLAY_FAILED, description: describe(error) }),
        cut: (detail) => this.#connection.destroy('server', detail),
        log,
        fields: { stream: name, protocol, remote: this.#remote },
      });
    } catch (error) {
      this.#passElsewhere(error);
      throw refusalOf(error, isUnknown(error) ? 'NetStream.Play.StreamNotFound' : PLAY_FAILED);
    }
  }

  /** Its bytes are all here, and it has all answers: another process can continue with it. */
  get #canPass(): boolean {
    return this.#firstBytes?.areAll === true && this.#socket.writableLength === 0;
  }

  /** @throws RtmpPassed if the stream is at another process: the connection goes there when this one ends */
  #passElsewhere(error: unknown): void {
    if (!(error instanceof StreamElsewhere)) return;
    this.#passTo = { link: this.#setup.siblings!, process: error.process };
    throw new RtmpPassed();
  }

  #pass(target: PassTarget): void {
    const { protocol, admission, log } = this.#setup;
    const client = { protocol, remote: this.#remote, received: this.#firstBytes!.toBase64(), answered: 0 };
    this.#firstBytes!.drop();
    const secured = this.#secured;
    if (!secured) {
      passConnection(target, client, this.#socket);
      return;
    }
    admission.published(); // whether it is half-open, the other process knows
    secured.removeAllListeners('data');
    passSecured(target, client, secured).catch((error: unknown) => {
      log.error({ protocol, error: messageOf(error) }, 'a connection cannot be passed to another process');
      secured.destroy();
    });
  }

  /** oxbow, or the client, ended the session. Never rejects. */
  async #ended(reason: unknown): Promise<void> {
    if (!(reason instanceof OxbowError)) return;
    const { movedTo } = reason.extra;
    if (typeof movedTo === 'string' && this.canBeLed)
      this.leadTo(new SuccessorChoice((await this.#setup.successors?.(movedTo)) ?? NOWHERE));
    const code = reason.code === 'publisher-replaced' ? 'NetStream.Publish.BadName' : 'NetStream.Publish.Denied';
    this.#connection.refuse({ level: 'error', code, description: describe(reason) });
  }

  #closed(end: RtmpEnd, detail: string, error: unknown): void {
    const { protocol, metrics, log } = this.#setup;
    this.count();
    metrics.rtmpEnded.inc({ protocol, reason: end });
    const fields = { protocol, remote: this.#remote, stream: this.#stream, reason: detail };
    if (end === 'passed') this.#pass(this.#passTo!);
    if (end === 'failed' && error !== undefined && !isSocketError(error)) {
      reportBug({ metrics, log }, error, fields, 'an RTMP connection failed');
    } else if (end === 'invalid' || end === 'refused') {
      log.info(
        { ...fields, ...(error instanceof FormatError && { error: error.message }) },
        'an RTMP client was refused',
      );
    } else {
      log.debug(fields, 'an RTMP connection ended');
    }
  }
}

function isSocketError(error: unknown): boolean {
  return error instanceof Error && 'code' in error;
}

function checkApplication(app: string): void {
  const { application } = applicationOf(app);
  if (application === APPLICATION) return;
  throw new RtmpRefusal(
    'NetConnection.Connect.Rejected',
    `Unknown application "${application.slice(0, 64)}". Use rtmp://HOST/${APPLICATION} as the server of your encoder.`,
  );
}

function hasMedia(phase: RtmpPhase): boolean {
  return phase === 'publishing' || phase === 'playing';
}

function isUnknown(error: unknown): boolean {
  return error instanceof OxbowError && error.code === 'stream-unknown';
}

/** The status for a client. A bug has no details. */
function refusalOf(error: unknown, code: string): unknown {
  if (!(error instanceof OxbowError)) return error;
  return new RtmpRefusal(code, describe(error), { cause: error });
}

function describe(error: OxbowError): string {
  const { hint = refusalRow(error).hint } = error.extra;
  return `${error.message} ${String(hint)}`.slice(0, 500);
}
