/**
 * One encoder that publishes over RTSP: ANNOUNCE, SETUP for each media, RECORD, TEARDOWN.
 * In: a connection, PublishAccess. Out: frames of a publisher session; responses; RTCP to the encoder.
 * RFC 2326 10.3, 10.4 and 10.11.
 */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { FormatError } from '@oxbow/media/errors';
import { parseRtpMedia, type RtpMedia } from '@oxbow/media/rtp/rtp-media';
import { printPacket, printResponse, type RtspFields, type RtspRequest } from '@oxbow/wire/rtsp/message';
import { RtspReader } from '@oxbow/wire/rtsp/message-reader';
import { parseTransport, type RtspTransportField } from '@oxbow/wire/rtsp/transport';
import type { PassedClient, ProcessLink } from '../../cluster/processes/process-link.ts';
import type { Clock } from '../../lib/clock.ts';
import { messageOf, OxbowError, reasonOf, refusalRow } from '../../lib/errors.ts';
import type { Log } from '../../observe/log.ts';
import { FirstBytes } from '../client/first-bytes.ts';
import { passConnection } from '../client/pass-connection.ts';
import { lateDatagrams } from '../late-datagrams.ts';
import { type PublishAccess, StreamElsewhere } from '../publish-access.ts';
import type { Publisher } from '../publisher.ts';
import { readShared } from '../rtmp/shared-reads.ts';
import { RTP_TICK_MS, RtpSession } from '../rtp/rtp-session.ts';
import { closePorts, type MediaPorts, openSessionPorts } from '../rtp/session-ports.ts';
import { publishLoginOf } from './publish-login.ts';
import { startTick } from './shared-tick.ts';

/** A connection has to reach RECORD within this time, ms. */
const START_MS = 10_000;
/** A publisher without packets ends after this time, ms. */
const IDLE_MS = 10_000;
/** Requests that wait for the one before them. */
const MAX_WAITING = 16;
/** Bytes that wait for the socket before reports are dropped. */
const MAX_QUEUED_BYTES = 256 * 1024;
const METHODS = 'OPTIONS, ANNOUNCE, SETUP, RECORD, TEARDOWN, GET_PARAMETER, SET_PARAMETER';
/** A port to which a datagram can be sent. */
const isPort = (port: number) => port > 0 && port <= 65_535;

/** What a connection needs. */
export interface RtspPublicationSetup {
  readonly access: PublishAccess;
  /** `live.assemblyDeadline`, for MPEG-TS, ms. */
  readonly assemblyMs: number;
  readonly clock: Clock;
  readonly log: Log;
  /** The other processes, which share the port (Linux). */
  readonly siblings?: Pick<ProcessLink, 'pass' | 'takeClients'> | undefined;
}

interface Answer {
  readonly status: number;
  readonly reason: string;
  readonly fields?: RtspFields;
}

const OK: Answer = { status: 200, reason: 'OK' };
const WRONG_STATE: Answer = { status: 455, reason: 'Method Not Valid in This State' };

/** A connection. */
export class RtspPublication {
  /** Resolves when the connection and its ports are closed. */
  readonly ended: Promise<void>;
  readonly #socket: Socket;
  readonly #setup: RtspPublicationSetup;
  readonly #onRecord: () => void;
  readonly #remote: string;
  readonly #id = randomBytes(8).toString('hex');
  readonly #connection = new AbortController();
  readonly #deadline: NodeJS.Timeout;
  readonly #channels = new Map<number, { readonly kind: 'rtp' | 'rtcp'; readonly mediaIndex: number }>();
  /** Sends RTCP, by media that was set up. */
  readonly #reports = new Map<number, (packet: Uint8Array) => void>();
  readonly #ports: MediaPorts[] = [];
  readonly #resolveEnded: () => void;
  /** Undefined: the connection cannot be passed on. */
  readonly #firstBytes: FirstBytes | undefined;
  #answered = 0;
  /** Requests that the process that passed the connection has answered. */
  #answeredBefore = 0;
  #waiting = 0;
  #last: Promise<void> = Promise.resolve();
  #media: readonly RtpMedia[] = [];
  #publisher: Publisher | undefined;
  #session: RtpSession | undefined;
  #endTick: (() => void) | undefined;
  #heardMs = 0;
  #bytes = 0;
  #isLeaving = false;

  /**
   * @param accepted of a server with `pauseOnConnect`; closed by this
   * @param onRecord called when media begins
   * @param passed by another process, which has read its first bytes
   */
  constructor(accepted: Socket, setup: RtspPublicationSetup, onRecord: () => void, passed?: PassedClient) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#resolveEnded = resolve;
    this.#setup = setup;
    this.#onRecord = onRecord;
    this.#remote = passed?.remote ?? `${accepted.remoteAddress ?? ''}:${accepted.remotePort ?? 0}`;
    if (setup.siblings && !passed) this.#firstBytes = new FirstBytes();
    const reader = new RtspReader({
      message: (message) => {
        if (message.kind === 'request') this.#enqueue(message);
      },
      packet: (channel, packet) => {
        const media = this.#channels.get(channel);
        if (media) this.#take(media.kind, media.mediaIndex, packet);
      },
    });
    const receive = (bytes: Uint8Array) => {
      this.#firstBytes?.add(bytes);
      this.#guard(() => reader.push(bytes));
    };
    const socket = readShared(accepted, receive);
    this.#socket = socket;
    socket.on('error', () => this.#isLeaving || this.close('the connection of the publisher was lost'));
    // Encoders do not wait for the response to TEARDOWN.
    socket.once('close', () => this.#isLeaving || this.close('the connection of the publisher was lost'));
    this.#deadline = setTimeout(() => this.close('the client did not begin to publish'), START_MS);
    if (!passed) return;
    this.#answeredBefore = passed.answered;
    receive(Buffer.from(passed.received, 'base64'));
  }

  /** Closes at once. May be called twice. @param isOver the publisher said that its broadcast is over */
  close(detail: string, isOver = false): void {
    if (this.#connection.signal.aborted) return;
    clearTimeout(this.#deadline);
    this.#endTick?.();
    const publisher = this.#publisher;
    if (publisher && !publisher.signal.aborted) {
      this.#session?.end();
      publisher.connection.isOver = isOver;
      publisher.close(detail);
    }
    this.#connection.abort(new DOMException(detail, 'AbortError'));
    // What was written, such as the response to TEARDOWN, is sent first.
    this.#socket.destroySoon();
    void this.#last.then(() => closePorts(this.#ports)).then(this.#resolveEnded);
  }

  /** Requests are answered one after the other. */
  #enqueue(request: RtspRequest): void {
    if (this.#waiting >= MAX_WAITING) throw new FormatError('too many requests at once', 0);
    this.#waiting++;
    this.#last = this.#last.then(async () => {
      const answer = await this.#answer(request).catch((error: unknown) => this.#refusal(error));
      this.#waiting--;
      this.#respond(request, answer);
      if (request.method === 'TEARDOWN') await this.#leave();
    });
  }

  /** The encoder ends the session: packets already sent to ports are still read. */
  async #leave(): Promise<void> {
    this.#isLeaving = true;
    if (this.#ports.length > 0) await lateDatagrams(() => this.#bytes);
    this.close('the client ended its session', true);
  }

  #respond({ headers }: RtspRequest, { status, reason, fields }: Answer): void {
    if (this.#connection.signal.aborted || this.#answered++ < this.#answeredBefore) return;
    const session = this.#reports.size > 0 ? `${this.#id};timeout=60` : undefined;
    const printable = reason.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 300);
    const sequence = headers.get('cseq')?.slice(0, 20);
    this.#socket.write(printResponse(status, printable, { CSeq: sequence, Session: session, ...fields }));
  }

  async #answer(request: RtspRequest): Promise<Answer> {
    switch (request.method) {
      case 'OPTIONS':
        return { ...OK, fields: { Public: METHODS } };
      case 'GET_PARAMETER':
      case 'SET_PARAMETER':
      case 'TEARDOWN':
        return OK;
      case 'ANNOUNCE':
        return this.#announce(request);
      case 'SETUP':
        return this.#setUp(request);
      case 'RECORD':
        return this.#record();
      default:
        return { status: 405, reason: 'Method Not Allowed', fields: { Allow: METHODS } };
    }
  }

  async #announce({ url, headers, body }: RtspRequest): Promise<Answer> {
    if (this.#publisher) return WRONG_STATE;
    const { name, key } = publishLoginOf(url, headers.get('authorization'));
    if (key === undefined) {
      return { status: 401, reason: 'Unauthorized', fields: { 'WWW-Authenticate': 'Basic realm="oxbow"' } };
    }
    const { media } = parseRtpMedia(new TextDecoder().decode(body));
    const { signal } = this.#connection;
    const userAgent = headers.get('user-agent')?.slice(0, 200);
    const publisher = await this.#setup.access.publish({
      name,
      key,
      protocol: 'rtsp',
      remote: this.#remote,
      signal,
      userAgent,
      canPass: this.#canPass,
      onStream: () => assertUsable(media),
      requestKeyFrame: () => this.#session?.requestKeyFrame(),
    });
    this.#firstBytes?.drop();
    publisher.connection.stats.encoder = userAgent ?? '';
    publisher.signal.addEventListener('abort', () => this.close('the session was ended'), { once: true });
    this.#publisher = publisher;
    this.#media = media;
    return OK;
  }

  /** Its bytes are all here, and it has all answers: another process can continue with it. */
  get #canPass(): boolean {
    return this.#firstBytes?.areAll === true && this.#socket.writableLength === 0;
  }

  /** The process that has the stream answers the request, and those that wait. */
  #pass(process: string): void {
    const received = this.#firstBytes!.toBase64();
    const client = { protocol: 'rtsp', remote: this.#remote, received, answered: this.#answered } as const;
    passConnection({ link: this.#setup.siblings!, process }, client, this.#socket);
    this.close('the connection continues at another process');
  }

  async #setUp({ url, headers }: RtspRequest): Promise<Answer> {
    if (!this.#publisher || this.#session) return WRONG_STATE;
    const wanted = parseTransport(headers.get('transport'));
    if (!wanted || wanted.isMulticast) return { status: 461, reason: 'Unsupported Transport' };
    const mediaIndex = this.#media.findIndex((each, index) => !this.#reports.has(index) && isOf(url, each));
    if (mediaIndex < 0) return { status: 404, reason: 'Not Found' };
    const transport = wanted.isInterleaved
      ? this.#useChannels(mediaIndex, wanted)
      : await this.#usePorts(mediaIndex, wanted);
    if (transport === undefined) return { status: 461, reason: 'Unsupported Transport' };
    return { ...OK, fields: { Transport: transport } };
  }

  #useChannels(mediaIndex: number, { channels }: RtspTransportField): string {
    const [rtp, rtcp] = channels ?? [2 * mediaIndex, 2 * mediaIndex + 1];
    this.#channels.set(rtp, { kind: 'rtp', mediaIndex });
    this.#channels.set(rtcp, { kind: 'rtcp', mediaIndex });
    this.#reports.set(mediaIndex, (packet) => {
      if (this.#socket.writableLength < MAX_QUEUED_BYTES) this.#socket.write(printPacket(rtcp, packet));
    });
    return `RTP/AVP/TCP;unicast;interleaved=${rtp}-${rtcp};mode=record`;
  }

  async #usePorts(mediaIndex: number, { clientPorts }: RtspTransportField): Promise<string | undefined> {
    if (!clientPorts?.every(isPort)) return undefined;
    const peer = this.#socket.remoteAddress ?? '';
    const listen = { address: this.#socket.localAddress ?? '', port: 0 };
    // One that is not read has ports too: encoders refuse to leave it out.
    const media = this.#media.map((each, index) => ({ ...each, isUsable: index === mediaIndex, isMuxed: false }));
    const [ports] = await openSessionPorts(listen, media, {
      receive: (kind, _index, packet, address) => {
        if (address === peer) this.#take(kind, mediaIndex, packet);
      },
      // A report that was not sent is like one that was lost.
      onError: () => {},
    });
    this.#ports.push(ports!);
    const { rtp, rtcp } = ports!;
    this.#reports.set(mediaIndex, (packet) => rtcp.transmit(packet, peer, clientPorts[1]));
    const client = `client_port=${clientPorts[0]}-${clientPorts[1]}`;
    return `RTP/AVP;unicast;${client};server_port=${rtp.port}-${rtcp.port};mode=record`;
  }

  async #record(): Promise<Answer> {
    const publisher = this.#publisher;
    if (!publisher || this.#session || this.#reports.size === 0) return WRONG_STATE;
    const { clock, assemblyMs, log } = this.#setup;
    clearTimeout(this.#deadline);
    this.#session = new RtpSession({
      media: this.#media.map((each, index) => ({ ...each, isUsable: each.isUsable && this.#reports.has(index) })),
      input: publisher,
      clock,
      assemblyMs,
      convertsVideo: true,
      protocol: 'rtsp',
      isSeparate: true,
    });
    this.#heardMs = clock.monotonicMs();
    this.#endTick = startTick(() => this.#guard(() => this.#tick()), RTP_TICK_MS);
    this.#onRecord();
    log.info(
      { remote: this.#remote, transport: this.#ports.length > 0 ? 'udp' : 'tcp' },
      'the stream receives RTP over RTSP',
    );
    return OK;
  }

  #take(kind: 'rtp' | 'rtcp', mediaIndex: number, packet: Uint8Array): void {
    this.#guard(() => {
      this.#heardMs = this.#setup.clock.monotonicMs();
      this.#bytes += packet.length;
      if (kind === 'rtp') this.#session?.receive(mediaIndex, packet);
      else this.#session?.report(mediaIndex, packet);
    });
  }

  #tick(): void {
    const session = this.#session!;
    for (const { mediaIndex, packet } of session.tick()) this.#reports.get(mediaIndex)?.(packet);
    const { packets, lost, retransmitted, dropped } = session.stats;
    Object.assign(this.#publisher!.connection.stats, { bytesIn: this.#bytes, packets, lost, retransmitted, dropped });
    if (this.#setup.clock.monotonicMs() - this.#heardMs < IDLE_MS) return;
    this.close(`no RTP packets came for ${IDLE_MS / 1000} s`);
  }

  #refusal(error: unknown): Answer {
    if (error instanceof StreamElsewhere) this.#pass(error.process);
    if (error instanceof OxbowError) {
      const { hint = refusalRow(error).hint } = error.extra;
      return { status: refusalRow(error).status, reason: `${error.message} ${String(hint)}` };
    }
    if (error instanceof FormatError) return { status: 400, reason: `Bad Request: ${error.message}` };
    if (!this.#connection.signal.aborted) this.#report(error);
    return { status: 500, reason: 'Internal Server Error' };
  }

  /** Malformed input ends the connection; so does a bug, which is logged. */
  #guard(work: () => void): void {
    if (this.#connection.signal.aborted) return;
    try {
      work();
    } catch (error) {
      if (!(error instanceof FormatError)) this.#report(error);
      this.close(reasonOf(error));
    }
  }

  #report(error: unknown): void {
    const { log } = this.#setup;
    log.error({ error: messageOf(error), stack: (error as Error).stack }, 'an RTSP connection failed');
  }
}

/**
 * Whether a request is about this media: encoders append its `a=control` to their address, before its query
 * or after it.
 */
function isOf(url: string, { control }: RtpMedia): boolean {
  return control === undefined || url.endsWith(control) || url.split('?', 1)[0]!.endsWith(control);
}

/** @throws OxbowError `offer-refused` if there is no usable media, or only video that is not usable */
function assertUsable(media: readonly RtpMedia[]): void {
  const video = media.filter(({ kind }) => kind === 'video');
  const needed = video.length > 0 ? video : media;
  if (needed.some(({ isUsable }) => isUsable)) return;
  const names = [...new Set(needed.flatMap(({ leftOut }) => leftOut.map(({ name }) => name)))].slice(0, 12);
  const why = names.length > 0 ? `oxbow does not support ${names.join(', ')}` : 'it has no media';
  throw new OxbowError('offer-refused', `The SDP cannot be used: ${why}.`, {
    extra: { hint: 'Send H.264, HEVC, AV1 or VP9, and Opus or AAC, or MPEG-TS: docs/3-publish/rtsp.md.' },
  });
}
