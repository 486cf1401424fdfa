/**
 * The connections of workers that encode live qualities: each waits until a stream takes it, and ends with
 * what it encodes.
 * In: requests to upgrade, authorized before. Out: RemoteEncoders for live ladders.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { LiveEncoderOutput } from '../../ffmpeg/live-ladder.ts';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Metrics } from '../../observe/metrics.ts';
import { openLinkedEncoder } from '../../transcode/live/remote/linked-encoder.ts';
import type { RemoteEncoder, RemoteEncoders } from '../../transcode/live/remote/remote-encoders.ts';
import { parseOffer, type WorkerOffer } from './messages.ts';
import { closeSocket, openSocketLink, socketOptions } from './socket-link.ts';

/** Interval of pings, ms; a connection that did not answer the last one is gone. */
const PING_MS = 5000;
/** Most connections. */
const MAX_CONNECTIONS = 1000;
/** The first pause of a worker that failed, and the longest, ms; one that lasted fails for the first time. */
const PAUSE_MS = 10_000;
const MAX_PAUSE_MS = 600_000;
const LASTED_MS = 60_000;
/** Most workers whose failures are remembered. */
const MAX_FAILED = 1000;

/** A worker's WebSocket, which one stream takes. */
interface Connection {
  readonly socket: WebSocket;
  offer: WorkerOffer | undefined;
  isAlive: boolean;
  /** A stream has it: receives its binary messages. */
  receive: ((data: Parameters<ReturnType<typeof openSocketLink>['receive']>[0]) => void) | undefined;
}

/** Failures of a worker. */
interface Failed {
  readonly count: number;
  readonly untilMs: number;
}

/** The connections of one process. Disposing ends them. */
export class WorkerSockets implements RemoteEncoders, Disposable {
  readonly #clock: Clock;
  readonly #metrics: Pick<Metrics, 'liveWorkers' | 'liveWorkerBytes' | 'beforeScrape'>;
  readonly #server = new WebSocketServer({ ...socketOptions, noServer: true, clientTracking: false });
  readonly #connections = new Set<Connection>();
  readonly #failed = new Map<string, Failed>();
  readonly #stopReading: () => void;
  readonly #timer: NodeJS.Timeout;
  #isClosed = false;

  constructor(deps: { readonly clock: Clock; readonly metrics: Metrics }) {
    this.#clock = deps.clock;
    this.#metrics = deps.metrics;
    this.#timer = setInterval(() => this.#ping(), PING_MS);
    this.#timer.unref();
    this.#stopReading = deps.metrics.beforeScrape(() => {
      const used = [...this.#connections].filter(({ receive }) => receive !== undefined).length;
      deps.metrics.liveWorkers.set({ state: 'encoding' }, used);
      deps.metrics.liveWorkers.set({ state: 'waiting' }, this.#waiting().length);
    });
  }

  get free(): number {
    return Math.max(0, ...this.#waiting().map(({ offer }) => offer.places));
  }

  take(output: LiveEncoderOutput, count: number, stream: string): RemoteEncoder | undefined {
    const [best] = this.#waiting()
      .filter(({ offer }) => offer.places >= count)
      .sort((a, b) => b.offer.speed - a.offer.speed);
    if (!best) return undefined;
    const { connection, offer } = best;
    const link = openSocketLink(connection.socket, (direction, bytes) =>
      this.#metrics.liveWorkerBytes.inc({ stream, direction }, bytes),
    );
    connection.receive = (data) => link.receive(data);
    const names = new Map<number, string>();
    const { promise: ready, resolve } = Promise.withResolvers<void>();
    return {
      ready,
      worker: offer.name,
      nameOf: (trackId) => names.get(trackId),
      encoder: openLinkedEncoder(link, output, (orders) => {
        for (const { trackId, hardware, device } of orders) names.set(trackId, `${hardware} ${device}`);
        resolve();
      }),
      fail: () => this.#fail(offer.id),
    };
  }

  /**
   * Upgrades a request of a worker that was authorized.
   *
   * @throws OxbowError `busy`, `not-ready`
   */
  open(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (this.#isClosed) throw new OxbowError('not-ready', 'oxbow is stopping.', { extra: { retryAfterSeconds: 5 } });
    if (this.#connections.size >= MAX_CONNECTIONS) {
      throw new OxbowError('busy', `The server has ${MAX_CONNECTIONS} connections of workers.`, {
        extra: { retryAfterSeconds: 30 },
      });
    }
    this.#server.handleUpgrade(request, socket, head, (webSocket) => this.#add(webSocket));
  }

  /** Ends all connections and accepts no more. May be called twice. */
  close(): void {
    this.#isClosed = true;
    for (const { socket } of this.#connections) closeSocket(socket, 'oxbow is stopping');
  }

  [Symbol.dispose](): void {
    this.close();
    clearInterval(this.#timer);
    this.#stopReading();
    for (const { socket } of this.#connections) socket.terminate();
  }

  #add(socket: WebSocket): void {
    const connection: Connection = { socket, offer: undefined, isAlive: true, receive: undefined };
    this.#connections.add(connection);
    socket.on('error', () => {}); // its close is what counts
    socket.on('pong', () => {
      connection.isAlive = true;
    });
    socket.once('close', () => this.#connections.delete(connection));
    socket.on('message', (data, isBinary) => {
      connection.isAlive = true;
      if (isBinary) connection.receive?.(data);
      else if (!connection.receive) connection.offer = parseOffer(data.toString()) ?? connection.offer;
    });
  }

  #waiting(): { readonly connection: Connection; readonly offer: WorkerOffer }[] {
    const nowMs = this.#clock.monotonicMs();
    return [...this.#connections].flatMap((connection) => {
      const { offer, receive, socket } = connection;
      const isUsable = offer && offer.places > 0 && !receive && socket.readyState === socket.OPEN;
      const isPaused = offer && nowMs < (this.#failed.get(offer.id)?.untilMs ?? 0);
      return isUsable && !isPaused ? [{ connection, offer }] : [];
    });
  }

  #fail(id: string): void {
    const nowMs = this.#clock.monotonicMs();
    const before = this.#failed.get(id);
    const hasLasted = !before || nowMs - before.untilMs >= LASTED_MS;
    const count = hasLasted ? 0 : before.count + 1;
    this.#failed.delete(id);
    this.#failed.set(id, { count, untilMs: nowMs + Math.min(MAX_PAUSE_MS, PAUSE_MS * 2 ** count) });
    const [oldest] = this.#failed.keys();
    if (this.#failed.size > MAX_FAILED) this.#failed.delete(oldest!);
  }

  #ping(): void {
    for (const connection of this.#connections) {
      if (!connection.isAlive) connection.socket.terminate();
      connection.isAlive = false;
      connection.socket.ping();
    }
  }
}
