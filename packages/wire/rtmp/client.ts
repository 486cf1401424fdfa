/**
 * The client side of a connection that publishes: to a platform, or to another oxbow.
 * In: an address, a function that connects, media messages. Out: chunks, written with a bounded queue. RTMP
 * 1.0 specification (Adobe, 2012), 7.2; Enhanced RTMP 2, Enhancing NetConnection connect Command.
 */
import type { Duplex } from 'node:stream';
import { printAmf0 } from '@oxbow/media/amf/amf0';
import { type AmfObject, type AmfValue, isAmfObject } from '@oxbow/media/amf/value';
import { FormatError, messageOf } from '@oxbow/media/errors';
import {
  type Command,
  capsEx,
  connectRequestOf,
  fourCcInfo,
  parseCommand,
  RECONNECT_REQUEST,
  textOf,
} from './commands.ts';
import { RtmpLink } from './link.ts';
import { MAX_MESSAGE_BYTES, type MediaType, messageType, userControl } from './message.ts';

/** Bytes that wait for the socket before `write` refuses further media. */
const MAX_QUEUED_BYTES = 8 * 1024 * 1024;
/** Above this many waiting bytes `write` returns false. */
const HIGH_MARK_BYTES = 1024 * 1024;
/** Largest message of a server, bytes. */
const MAX_ANSWER_BYTES = 64 * 1024;
/** Deadline of each step: connecting and handshake, `connect`, `publish`, ms. */
const STEP_MS = 10_000;
/** A closing connection gets this long to send its queue, ms. */
const FLUSH_MS = 2000;
/** Numbers of the commands, repeated in their results. */
const CONNECT = 1;
const CREATE_STREAM = 4;
const PUBLISH = 5;

/** Where to publish. */
export interface RtmpTarget {
  /** `rtmp://` or `rtmps://` with application and stream key: `rtmp://host/app/key?query`. */
  readonly url: string;
  /** Opens the connection, with TLS for `rtmps`. */
  readonly connect: (options: { signal: AbortSignal }) => Promise<Duplex>;
  /** Codecs of enhanced RTMP that may be sent, e.g. `hvc1`; announced to the server. */
  readonly fourCcs?: readonly string[];
  /** The program, as shown by the server. */
  readonly userAgent?: string;
  /** Fires to close the connection. */
  readonly signal: AbortSignal;
  /** Called when the queue is empty after `write` returned false. */
  readonly onDrain?: () => void;
  /**
   * The server asks for another connection: publish there, and close this one, which is served until then.
   * Announced to the server if present. Called at most once.
   *
   * @param tcUrl of the server with its application; that of this connection if the server names none
   */
  readonly onReconnect?: (tcUrl: string) => void;
}

/** A connection to a server. */
export interface RtmpClient extends AsyncDisposable {
  /** Codecs of enhanced RTMP that the server announced; empty if it announced none. `*` is all. */
  readonly serverFourCcs: ReadonlySet<string>;
  /** Bytes that wait for the socket. */
  readonly queuedBytes: number;
  /**
   * Begins to publish. Resolves when the server accepts media.
   *
   * @throws RtmpRejected if the server refuses; an Error if it does not answer or the connection ends
   */
  publish(): Promise<void>;
  /**
   * Sends a message with media.
   *
   * @param timestampMs 0 to 2^32 - 1
   * @param body copied
   * @returns false if more than 1 MiB waits: pause until `onDrain`. Above 8 MiB, or after the end, the
   *   message is dropped
   */
  write(type: MediaType, timestampMs: number, body: Uint8Array): boolean;
  /** Resolves with the reason when the connection has ended; never rejects. */
  readonly closed: Promise<string>;
  /** Stops publishing and closes. May be called twice. */
  close(): Promise<void>;
}

/** The server refused a command. */
class RtmpRejected extends Error {
  override readonly name = 'RtmpRejected';
  /** E.g. `NetStream.Publish.BadName`. */
  readonly code: string;

  constructor(code: string, description: string) {
    super(description === '' ? code : `${code}: ${description}`);
    this.code = code;
  }
}

/** Parts of an address. */
interface RtmpAddress {
  readonly app: string;
  /** Address up to the application. */
  readonly tcUrl: string;
  /** The name to publish, with its query. */
  readonly playPath: string;
}

/**
 * Divides an address as encoders do: the last part of the path, with the query, is the stream; what precedes
 * it is the application.
 *
 * @throws FormatError if it has no application or no stream
 */
export function parseRtmpUrl(url: string): RtmpAddress {
  const match = /^(rtmps?:\/\/[^/?#]+)\/([^?#]+)(\?[^#]*)?/i.exec(url);
  const path = match?.[2] ?? '';
  const at = path.lastIndexOf('/');
  if (!match || at < 1) throw new FormatError('an RTMP address is rtmp://HOST/APP/STREAM', 0);
  const app = path.slice(0, at);
  const host = match[1]!.replace(/\/\/[^@/]*@/, '//');
  return { app, tcUrl: `${host}/${app}`, playPath: `${path.slice(at + 1)}${match[3] ?? ''}` };
}

/**
 * Connects, up to the result of `connect`.
 *
 * @throws FormatError for an invalid address or an invalid answer; RtmpRejected if the server refuses; errors
 *   of `connect`; the reason of the signal
 */
export async function connectRtmp(target: RtmpTarget): Promise<RtmpClient> {
  const address = parseRtmpUrl(target.url);
  const socket = await target.connect({ signal: target.signal });
  const client = new ClientConnection(socket, target, address);
  try {
    await client.connect();
    return client;
  } catch (error) {
    client.end(messageOf(error));
    throw error;
  }
}

class ClientConnection implements RtmpClient {
  readonly closed: Promise<string>;
  readonly serverFourCcs = new Set<string>();
  readonly #socket: Duplex;
  readonly #target: RtmpTarget;
  readonly #address: RtmpAddress;
  readonly #link: RtmpLink;
  readonly #resolveClosed: (reason: string) => void;
  /** Awaited results: of the handshake and of commands. */
  readonly #awaited = new Map<string, PromiseWithResolvers<Command>>();
  readonly #onAbort = () => void this.close();
  #ended: string | undefined;
  #streamId = 0;
  #isPublishing = false;
  #isFull = false;
  #isLeaving = false;

  constructor(socket: Duplex, target: RtmpTarget, address: RtmpAddress) {
    const { promise, resolve } = Promise.withResolvers<string>();
    this.closed = promise;
    this.#resolveClosed = resolve;
    this.#socket = socket;
    this.#target = target;
    this.#address = address;
    socket.on('data', (bytes: Buffer) => this.#push(bytes));
    socket.on('drain', () => this.#drained());
    socket.on('error', (error) => this.end(messageOf(error)));
    socket.once('close', () => this.end('the server closed the connection'));
    target.signal.addEventListener('abort', this.#onAbort, { once: true });
    void this.#wait('handshake').catch(() => undefined);
    this.#link = new RtmpLink({
      side: 'client',
      limits: { maxMessageBytes: Math.min(MAX_ANSWER_BYTES, MAX_MESSAGE_BYTES) },
      send: (bytes) => void (this.#socket.writable && this.#socket.write(bytes)),
      onReady: () => this.#settle('handshake', { name: '', transaction: 0, object: undefined, rest: [] }),
      onMessage: (type, _timestampMs, _streamId, body) => this.#receive(type, body),
      onUserControl: (event) => {
        if (event === userControl.streamEof && this.#isPublishing) this.end('the server ended the stream');
      },
    });
  }

  get queuedBytes(): number {
    return this.#socket.writableLength;
  }

  /** Handshake and `connect`. */
  async connect(): Promise<void> {
    await this.#within('the handshake', this.#awaited.get('handshake')!.promise);
    this.#link.announce();
    const { app, tcUrl } = this.#address;
    const { fourCcs = [], onReconnect } = this.#target;
    const result = await this.#call('connect', CONNECT, {
      app,
      type: 'nonprivate',
      flashVer: this.#target.userAgent ?? 'FMLE/3.0 (compatible; oxbow)',
      tcUrl,
      ...(fourCcs.length > 0 && {
        fourCcList: fourCcs,
        videoFourCcInfoMap: Object.fromEntries(fourCcs.map((each) => [each, fourCcInfo.encode])),
      }),
      ...((fourCcs.length > 0 || onReconnect) && {
        capsEx: capsEx.multitrack | capsEx.modEx | (onReconnect ? capsEx.reconnect : 0),
      }),
    });
    const capabilities = connectRequestOf({ object: { ...result.object, ...objectOf(result.rest[0]) } });
    for (const each of capabilities.fourCcs) this.serverFourCcs.add(each);
  }

  async publish(): Promise<void> {
    const { playPath, app } = this.#address;
    this.#command('releaseStream', 2, 0, null, playPath);
    this.#command('FCPublish', 3, 0, null, playPath);
    const created = await this.#call('createStream', CREATE_STREAM, null);
    this.#streamId = typeof created.rest[0] === 'number' ? created.rest[0] >>> 0 : 1;
    const started = this.#wait('onStatus');
    this.#command('publish', PUBLISH, this.#streamId, null, playPath, app.length > 0 ? 'live' : '');
    await this.#within('publish', started);
    this.#isPublishing = true;
  }

  write(type: MediaType, timestampMs: number, body: Uint8Array): boolean {
    if (this.#ended !== undefined || this.queuedBytes > MAX_QUEUED_BYTES) return false;
    this.#link.write(type, timestampMs >>> 0, this.#streamId, body);
    if (this.queuedBytes <= HIGH_MARK_BYTES) return true;
    this.#isFull = true;
    return false;
  }

  async close(): Promise<void> {
    if (this.#ended === undefined && this.#isPublishing && this.#socket.writable) {
      this.#command('FCUnpublish', 6, 0, null, this.#address.playPath);
      this.#command('deleteStream', 7, 0, null, this.#streamId);
      this.#socket.end();
      const timer = setTimeout(() => this.#socket.destroy(), FLUSH_MS);
      this.#socket.once('close', () => clearTimeout(timer));
      this.#finish('closed');
    } else {
      this.end('closed');
    }
    await this.closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Closes at once. */
  end(reason: string): void {
    this.#socket.destroy();
    this.#finish(reason);
  }

  #finish(reason: string): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    this.#target.signal.removeEventListener('abort', this.#onAbort);
    for (const { reject } of this.#awaited.values()) reject(new Error(reason));
    this.#awaited.clear();
    this.#resolveClosed(reason);
  }

  #push(bytes: Uint8Array): void {
    if (this.#ended !== undefined) return;
    try {
      this.#link.push(bytes);
    } catch (error) {
      this.end(`the server sent invalid RTMP: ${messageOf(error)}`);
    }
  }

  #drained(): void {
    if (!this.#isFull) return;
    this.#isFull = false;
    this.#target.onDrain?.();
  }

  #command(name: string, transaction: number, streamId: number, ...values: readonly AmfValue[]): void {
    this.#link.write(messageType.command, 0, streamId, printAmf0([name, transaction, ...values]));
  }

  /** Sends a command and waits for its result. */
  #call(name: string, transaction: number, object: AmfObject | null): Promise<Command> {
    const result = this.#wait(String(transaction));
    this.#command(name, transaction, 0, object);
    return this.#within(name, result);
  }

  #wait(key: string): Promise<Command> {
    const awaited = Promise.withResolvers<Command>();
    if (this.#ended !== undefined) awaited.reject(new Error(this.#ended));
    else this.#awaited.set(key, awaited);
    return awaited.promise;
  }

  async #within<T>(step: string, promise: Promise<T>): Promise<T> {
    const timer = setTimeout(() => this.end(`the server did not answer ${step} within ${STEP_MS / 1000} s`), STEP_MS);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  #settle(key: string, result: Command | RtmpRejected): void {
    const awaited = this.#awaited.get(key);
    this.#awaited.delete(key);
    if (result instanceof Error) awaited?.reject(result);
    else awaited?.resolve(result);
  }

  #receive(type: number, body: Uint8Array): void {
    if (type !== messageType.command && type !== messageType.commandAmf3) return;
    const command = parseCommand(type, body);
    switch (command.name) {
      case '_result':
        this.#settle(String(command.transaction), command);
        return;
      case '_error':
        this.#settle(String(command.transaction), rejectionOf(command));
        return;
      case 'onStatus':
        this.#status(command);
        return;
      case 'close':
        this.end('the server closed the connection');
        return;
    }
  }

  /** An address relative to that of this connection; that of this connection if it is none of RTMP. */
  #resolve(address: string): string {
    const { tcUrl } = this.#address;
    const url = address === '' ? null : URL.parse(address, tcUrl);
    return url && /^rtmps?:$/.test(url.protocol) ? url.href : tcUrl;
  }

  #status(command: Command): void {
    const { level, code } = objectOf(command.rest[0]) as { level?: AmfValue; code?: AmfValue };
    if (level === 'error') {
      const rejection = rejectionOf(command);
      this.#settle('onStatus', rejection);
      if (this.#isPublishing) this.end(rejection.message);
    } else if (code === RECONNECT_REQUEST) {
      const { tcUrl } = objectOf(command.rest[0]);
      if (!this.#isLeaving) this.#target.onReconnect?.(this.#resolve(textOf(tcUrl)));
      this.#isLeaving = true;
    } else if (code === 'NetStream.Publish.Start') {
      this.#settle('onStatus', command);
    } else if (code === 'NetStream.Unpublish.Success' && this.#isPublishing) {
      this.end('the server ended the stream');
    }
  }
}

function objectOf(value: AmfValue): AmfObject {
  return isAmfObject(value) ? value : {};
}

function rejectionOf({ rest }: Command): RtmpRejected {
  const { code, description } = objectOf(rest[0]) as { code?: AmfValue; description?: AmfValue };
  return new RtmpRejected(textOf(code).slice(0, 128) || 'NetConnection.Call.Failed', textOf(description).slice(0, 512));
}
