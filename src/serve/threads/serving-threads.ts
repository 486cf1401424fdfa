/**
 * Starts and supervises the serving threads. They share one port and own all client connections, so that the
 * main thread only produces media. A thread that crashes or blocks is replaced.
 * In: number of threads, endpoint. Out: forwarded connections, with the addresses of their clients; counter
 * reports. docs/architecture.md, Threads.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import type { OpenedWatchJwt } from '../../accounts/watch-jwt/open-watch-jwt.ts';
import type { WatchHolder } from '../../accounts/watch-tokens.ts';
import type { SegmentPrefix } from '../../archive/segment-store.ts';
import type { SegmentCache } from '../../delivery/live/segment-cache.ts';
import type { Subscribable } from '../../lib/events.ts';
import { startedFile } from '../../lib/program-files.ts';
import { checkFree } from '../hot/listeners.ts';
import type { ServerCertificate } from '../tls/tls-certificate.ts';
import type { CounterReport, FromThread, ThreadSettings, ToThread } from './messages.ts';
import { type Client, readPreface } from './preface.ts';
import { type FeedOptions, ReplicaFeed } from './replica-feed.ts';

/**
 * Interval of the health check, ms. It also sends changes of streams that have no event: creation, deletion,
 * retention.
 */
const CHECK_EVERY_MS = 1000;
/**
 * A thread that sent no message in this many intervals is blocked and is terminated: its messages would
 * accumulate.
 */
const MAX_SILENT_CHECKS = 30;
/** A scrape waits no longer for a thread, ms: its counters are in the next scrape. */
const REPORT_TIMEOUT_MS = 500;
/** A thread that crashed is started again after this long, ms. */
const RESTART_AFTER_MS = 1000;

/** Options of the serving threads. */
export interface ServingOptions
  extends Omit<FeedOptions, 'post'>,
    Omit<ThreadSettings, 'number' | 'internalEndpoint' | 'watchJwt'> {
  /** How playback tokens of another program are verified; undefined: they are refused. */
  readonly watchJwt?: Pick<OpenedWatchJwt, 'settings' | 'set'> | undefined;
  readonly count: number;
  /** Another socket of this process has the port. */
  readonly isShared?: boolean;
  /** Recorded segments that the main thread served, for the caches of the threads. */
  readonly cachedSegments: SegmentCache['added'];
  /** Emits the prefix of stored media that is deleted. */
  readonly forgotten: Subscribable<SegmentPrefix>;
  /** Emits a stream whose settings or access have changed; undefined: any of them. */
  readonly changed: Subscribable<string | undefined>;
  /** Whether the playback tokens of an account are valid. */
  lasts(holder: WatchHolder): boolean;
  /** Emits the id of a user that has changed. */
  readonly holderChanged: Subscribable<string>;
  /** Serves a forwarded connection. */
  open(socket: Socket, client: Client): void;
  /** @param thread number of the thread, from 1 */
  onReport(thread: number, report: CounterReport): void;
  failed(error: unknown, where: string): void;
  /** Called when a thread has crashed; another one replaces it. */
  ended(thread: number): void;
  /** For tests: the program of a thread. */
  readonly program?: URL;
}

/** The running threads. */
interface ServingThreads {
  readonly port: number;
  /** Requests a report of each thread. Resolves when all have arrived, at most REPORT_TIMEOUT_MS later. */
  requestReports(): Promise<void>;
  /** Replaces the TLS certificate. */
  use(certificate: ServerCertificate): void;
  /** Stops accepting and refuses pending requests. Resolves when the last connection has closed. */
  leave(): Promise<void>;
  /** Destroys all connections. */
  destroy(): void;
  /** Terminates the threads. */
  close(): Promise<void>;
}

/**
 * Starts the threads.
 *
 * @throws the system's error if they cannot listen, e.g. EADDRINUSE
 */
export async function openServingThreads(options: ServingOptions): Promise<ServingThreads> {
  if (!options.isShared) await checkFree(options.listen);
  const threads = new Threads(options, await ForwardedSockets.listen(options.open));
  try {
    await threads.start();
  } catch (error) {
    await threads.close();
    throw error;
  }
  return threads;
}

/** The connections that threads pass on to the main thread, over loopback. */
class ForwardedSockets {
  readonly endpoint: ThreadSettings['internalEndpoint'];
  readonly #server: Server;
  readonly #sockets: Set<Socket>;

  private constructor(server: Server, sockets: Set<Socket>, secret: string) {
    this.#server = server;
    this.#sockets = sockets;
    this.endpoint = { port: (server.address() as AddressInfo).port, secret };
  }

  static async listen(open: ServingOptions['open']): Promise<ForwardedSockets> {
    const secret = randomBytes(24).toString('base64url');
    const sockets = new Set<Socket>();
    const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      readPreface(socket, secret, open);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new ForwardedSockets(server, sockets, secret);
  }

  destroy(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    this.destroy();
    this.#server.close();
  }
}

/** Starts threads, starts them again, and passes on to them what they must know. */
class Threads implements ServingThreads {
  readonly #options: ServingOptions;
  readonly #forwarded: ForwardedSockets;
  #certificate: ServingOptions['certificate'];
  #port: number;
  #isClosing = false;
  readonly #threads = new Map<number, Thread>();
  /** Restarts that wait. */
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #stops: readonly (() => void)[];
  readonly #checking: NodeJS.Timeout;

  constructor(options: ServingOptions, forwarded: ForwardedSockets) {
    this.#options = options;
    this.#forwarded = forwarded;
    this.#certificate = options.certificate;
    this.#port = options.listen.port;
    this.#stops = this.#subscribe();
    this.#checking = setInterval(() => this.#check(), CHECK_EVERY_MS);
  }

  get port(): number {
    return this.#port;
  }

  /** The first thread listens, then all others on its port. */
  async start(): Promise<void> {
    const first = await this.#start(1);
    this.#port = (await first.listening).port;
    await Promise.all(Array.from({ length: this.#options.count - 1 }, (_, i) => this.#start(i + 2)));
  }

  async requestReports(): Promise<void> {
    await Promise.all([...this.#threads.values()].map((thread) => thread.requestReport()));
  }

  use(certificate: ServerCertificate): void {
    this.#certificate = certificate;
    this.#post({ do: 'certificate', certificate });
  }

  async leave(): Promise<void> {
    this.#isClosing = true;
    this.#post({ do: 'drain' });
    await Promise.all([...this.#threads.values()].map(({ drained }) => drained));
  }

  destroy(): void {
    this.#post({ do: 'destroy' });
    this.#forwarded.destroy();
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    clearInterval(this.#checking);
    for (const timer of this.#timers) clearTimeout(timer);
    for (const stop of this.#stops) stop();
    await Promise.all([...this.#threads.values()].map((thread) => thread.close()));
    this.#forwarded.close();
  }

  async #start(number: number): Promise<Thread> {
    const thread = new Thread(this.#settingsOf(number), this.#options);
    this.#threads.set(number, thread);
    thread.ended.then((error) => {
      if (!this.#isClosing && this.#threads.get(number) === thread) this.#restart(number, error);
    });
    await thread.listening;
    return thread;
  }

  #restart(number: number, error: unknown): void {
    this.#threads.delete(number);
    this.#options.ended(number);
    this.#options.failed(error ?? new Error('the thread ended'), `serving thread ${number}`);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      // A failure to listen ends the thread, which schedules the next restart.
      this.#start(number).catch(() => {});
    }, RESTART_AFTER_MS);
    this.#timers.add(timer);
  }

  #settingsOf(number: number): ThreadSettings {
    const { listen, trustedProxies, ownHosts, head, mediaFolder, steering, watchSecret, watchJwt } = this.#options;
    return {
      number,
      listen: { ...listen, port: this.#port },
      internalEndpoint: this.#forwarded.endpoint,
      certificate: this.#certificate,
      trustedProxies,
      ownHosts,
      head,
      mediaFolder,
      steering,
      watchSecret,
      watchJwt: watchJwt && { settings: watchJwt.settings, keys: watchJwt.set?.keys },
    };
  }

  #subscribe(): readonly (() => void)[] {
    const { cachedSegments, watchJwt, holderChanged, forgotten, changed } = this.#options;
    return [
      cachedSegments.subscribe(({ name, key, segment }) => {
        for (const { feed, post } of this.#threads.values())
          if (feed.has(name)) post({ do: 'segment', name, key, segment });
      }),
      ...(watchJwt?.set ? [watchJwt.set.changed.subscribe((keys) => this.#post({ do: 'keys', keys }))] : []),
      holderChanged.subscribe((id) => this.#post({ do: 'holder-changed', id })),
      forgotten.subscribe((prefix) => this.#post({ do: 'forget', prefix })),
      changed.subscribe((name) => {
        for (const { feed } of this.#threads.values()) feed.check(name);
      }),
    ];
  }

  #check(): void {
    for (const thread of this.#threads.values()) {
      thread.checkSilence();
      thread.feed.check();
    }
  }

  #post(message: ToThread): void {
    for (const thread of this.#threads.values()) thread.post(message);
  }
}

class Thread {
  readonly #worker: Worker;
  /** One for each requested report, in order. */
  readonly #reportWaiters: (() => void)[] = [];
  /** Health checks since the last message. */
  #silentChecks = 0;
  #failure: unknown;
  readonly feed: ReplicaFeed;
  /** Resolves with the port; rejects with the system's error. */
  readonly listening: Promise<{ readonly port: number }>;
  /** Resolves when the last connection has closed, or the thread ended. */
  readonly drained: Promise<void>;
  /** Resolves when the thread ended, with the error that ended it. */
  readonly ended: Promise<unknown>;

  constructor(settings: ThreadSettings, options: ServingOptions) {
    // Without the flags of the main thread (inspector, --eval).
    const worker = new Worker(options.program ?? startedFile('serve/threads/thread'), {
      workerData: settings,
      name: `oxbow-serving-${settings.number}`,
      execArgv: [],
    });
    this.#worker = worker;
    this.feed = new ReplicaFeed({ ...options, post: this.post });
    const listening = Promise.withResolvers<{ readonly port: number }>();
    const drained = Promise.withResolvers<void>();
    this.listening = listening.promise;
    this.drained = drained.promise;
    worker.on('error', (error) => {
      this.#failure = error;
    });
    this.ended = new Promise((resolve) => {
      worker.once('exit', () => {
        this.feed[Symbol.dispose]();
        listening.reject(this.#failure ?? new Error('the thread ended'));
        drained.resolve();
        resolve(this.#failure);
      });
    });
    worker.on('message', (message: FromThread) => {
      this.#silentChecks = 0;
      switch (message.do) {
        case 'listening':
          listening.resolve(message);
          break;
        case 'listen-failed':
          this.#end(Object.assign(new Error(message.message), { code: message.code }));
          break;
        case 'subscribe':
          this.feed.subscribe(message.name);
          break;
        case 'unsubscribe':
          this.feed.unsubscribe(message.name);
          break;
        case 'holder':
          this.post({ do: 'holder', holder: message.holder, lasts: options.lasts(message.holder) });
          break;
        case 'counters':
          options.onReport(settings.number, message.report);
          if (message.requested) this.#reportWaiters.shift()?.();
          break;
        case 'failed':
          options.failed(message.error, message.where);
          break;
        case 'drained':
          drained.resolve();
          break;
      }
    });
    // A rejection that no caller awaits is not unhandled.
    this.listening.catch(() => {});
  }

  readonly post = (message: ToThread): void => this.#worker.postMessage(message);

  /** Terminates the thread if it is blocked. Called at each health check. */
  checkSilence(): void {
    this.#silentChecks++;
    if (this.#silentChecks !== MAX_SILENT_CHECKS) return;
    this.#end(new Error('the thread is blocked'));
  }

  /** Resolves when the report has arrived, or after REPORT_TIMEOUT_MS. */
  async requestReport(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#reportWaiters.push(resolve);
    this.post({ do: 'report' });
    const late = setTimeout(resolve, REPORT_TIMEOUT_MS);
    await promise;
    clearTimeout(late);
  }

  /** Terminates the thread; `listening` and `ended` pass the error on. */
  #end(failure: Error): void {
    this.#failure = failure;
    void this.#worker.terminate();
  }

  async close(): Promise<void> {
    for (const resolve of this.#reportWaiters.splice(0)) resolve();
    this.feed[Symbol.dispose]();
    await this.#worker.terminate();
  }
}
